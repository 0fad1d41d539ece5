"""Runs revisions on the connection of the caller (`store.migrate`), inside the caller's transaction."""

from alembic import context

from store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # account_now grows typed columns when a workspace is deployed; they belong to store.columns, not to migrations.
    include_object=lambda _object, name, kind, _reflected, _compared: not (kind == "column" and "." in (name or "")),
)
with context.begin_transaction():
    context.run_migrations()
