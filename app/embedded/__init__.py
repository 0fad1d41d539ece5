"""PostgreSQL and Temporal as children of one keeper process per home, for machines where neither is installed."""

from app.embedded.servers import Servers, TemporalAddress

__all__ = ["Servers", "TemporalAddress"]
