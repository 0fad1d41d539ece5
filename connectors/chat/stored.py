"""Keeps messages in Tenure's own store: people read them there, and nothing leaves."""

from collections.abc import Callable

from connectors.chat.port import Message


class StoredChat:
    """A kept message is the row it came from."""

    def say(self, message: Message, hand_over: Callable[[], None]) -> None:  # noqa: ARG002 - the port's word
        hand_over()
