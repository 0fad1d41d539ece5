"""Runs revisions on the connection of the caller (`store.migrate`), inside the caller's transaction."""

from alembic import context

from store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # account_now grows typed columns, and indexes of some, when a workspace is deployed: store/current/columns.py's.
    include_object=lambda _object, name, kind, _reflected, _compared: (
        not (kind == "column" and "." in (name or "")) and not (name or "").startswith("account_now_of_")
    ),
)
with context.begin_transaction():
    context.run_migrations()
