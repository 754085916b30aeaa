"""What Alembic runs to migrate: over the connection that ``search/migrate.py`` gives it."""

from alembic import context

from docker_registry.search.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
