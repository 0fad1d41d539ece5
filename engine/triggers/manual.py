"""The trigger by hand."""

from typing import Literal

from pydantic import Field

from engine.triggers.base import Manual, TriggerCompiler, TriggerDocument


class ManualDocument(TriggerDocument):
    """A person starts it."""

    manual: Literal[True] = Field(description="true: people may start this playbook for an account")

    def compile(self, _with: TriggerCompiler) -> Manual:
        return Manual()
