"""How Alembic reaches the database: DATABASE_URL, and PGPASSFILE and PGOPTIONS, which libpq reads."""

from __future__ import annotations

import os
import sys
from logging.config import fileConfig

from alembic import context
from medication_tracker.config import SettingsError, database_url
from medication_tracker.models import Base
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

# Any number will do, as long as every version of this application uses the same.
MIGRATION_LOCK = 7_264_110_001
CONNECT_SECONDS = 10
DEFAULT_LOCK_TIMEOUT = (
    "SELECT set_config('lock_timeout', '10s', false) WHERE current_setting('lock_timeout') = '0'"
)


def migrate() -> None:
    engine = create_engine(
        database_url(os.environ),
        poolclass=NullPool,
        connect_args={"application_name": "migration", "connect_timeout": CONNECT_SECONDS},
    )
    with engine.connect() as connection:
        # Without a limit from PGOPTIONS or the role, a migration queues behind a long transaction, and every
        # request of the running version queues behind the migration.
        connection.execute(text(DEFAULT_LOCK_TIMEOUT))
        # The session's lock, not the transaction's: each migration commits on its own. Whoever comes second
        # waits here, then finds the work done.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    sys.exit("migration: --sql is not supported; read the files in migrations/versions")
if context.config.config_file_name:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
try:
    migrate()
except SettingsError as error:
    sys.exit(f"migration: {error}")
except OperationalError as error:
    sys.exit(f"migration: the database does not serve or a lock is held too long: {error.orig}".strip())
