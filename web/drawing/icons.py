"""Our own line drawings on a field of 20 by 20: one path each."""

from collections.abc import Mapping

from markupsafe import Markup

_PATHS: Mapping[str, str] = {
    "inbox": "M3 11.5 5.2 4.5h9.6L17 11.5V16H3zM3 11.5h4l1 2h4l1-2h4",
    "building": "M4 17V4h7v13M11 8h5v9M2.5 17h15M6.5 7h2M6.5 10h2M6.5 13h2M13.3 11h.4M13.3 14h.4",
    "gauge": "M3.5 14a6.8 6.8 0 1 1 13 0M10 12.5l3-4.5M9 13.5h2",
    "list": "M7.5 5.5H17M7.5 10H17M7.5 14.5H17M3.5 5.5h.5M3.5 10h.5M3.5 14.5h.5",
    "book": "M4 4.5h5a2 2 0 0 1 1 1.5 2 2 0 0 1 1-1.5h5V15h-5a1.6 1.6 0 0 0-1 1.2A1.6 1.6 0 0 0 9 15H4zM10 6v9.5",
    "play": "M6 4.5v11l9-5.5z",
    "mail": "M3 5h14v10.5H3zM3.3 5.5 10 11l6.7-5.5",
    "alert": "M10 3 18 16.5H2zM10 8v4M10 14.2v.1",
    "people": "M7.5 9.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4M2.5 16c.4-3 2.3-4.3 5-4.3s4.6 1.3 5 4.300"
    "M12.5 4.400a2.6 2.6 0 0 1 0 4.900M14.5 12c1.8.6 2.8 1.9 3 4",
    "key": "M7 13a3.3 3.3 0 1 1 2.9-4.900H17v3h-2v2h-3v-2H9.900A3.3 3.3 0 0 1 7 13M6.5 9.700h.1",
    "send": "M3 9.500 17 3.500l-4 13-3-5.500zM10 11l7-7.500",
    "log": "M5 3h7l3 3v11H5zM7.5 8.500h5M7.5 11h5M7.5 13.500h3",
    "menu": "M3.5 5.500h13M3.5 10h13M3.5 14.500h13",
    "check": "M4 10.5 8 14.5 16 5.5",
    "clock": "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M10 6v4.200l2.8 1.7",
    "search": "M9 14.500a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11M13 13l4 4",
    "up": "M10 16V4.500M5 9.500l5-5 5 5",
    "down": "M10 4v11.500M5 10.500l5 5 5-5",
    "level": "M4 10h12",
    "undo": "M7.5 4 4 7.5 7.5 11M4 7.500h8a4 4 0 0 1 0 8H8",
    "person": "M10 10a3.2 3.2 0 1 0 0-6.400A3.2 3.2 0 0 0 10 10M4 17c.5-3.2 2.7-4.7 6-4.700s5.5 1.5 6 4.7",
    "flag": "M5 17V3.500M5 4.500h9.500l-2 3.2 2 3.300H5",
    "comment": "M3.5 4.500h13v9h-7l-3.5 3v-3H3.500z",
    "stop": "M5.5 5.500h9v9h-9z",
    "pause": "M7 5v10M13 5v10",
    "more": "M5 10h.1M10 10h.1M15 10h.1",
    "plus": "M10 4.500v11M4.5 10h11",
    "download": "M10 3.500v9M6 9l4 4 4-4M4 16.500h12",
    "settings": "M4 6h7M15 6h1M4 14h1M9 14h7M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4M7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
    "out": "M8 4H4v12h4M12 6.5 15.5 10 12 13.500M8 10h7.5",
}
_DRAWN: Mapping[str, Markup] = {
    name: Markup(f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="{path}"/></svg>')  # noqa: S704
    for name, path in _PATHS.items()
}


def icon(name: str) -> Markup:
    """KeyError for one that nobody drew."""
    return _DRAWN[name]
