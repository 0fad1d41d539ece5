"""The demo's book of business: invented customers with a past, a future and a temper, the same for the same seed."""

from app.book.book import Book
from app.book.people import Answer, People, Reaction

__all__ = ["Answer", "Book", "People", "Reaction"]
