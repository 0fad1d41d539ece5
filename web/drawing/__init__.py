"""Pictures as SVG, made on the server: shapes and classes only, colours are the style sheet's business."""
