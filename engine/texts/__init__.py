"""Mail texts and one-line templates: read and checked at load time, filled with one account's values at send time."""
