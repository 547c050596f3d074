"""Our tables and migrations as an app in Piccolo's sense."""

from piccolo.conf.apps import AppConfig

from mla_tracker.storage.migrating import APP_NAME, MIGRATIONS

APP_CONFIG = AppConfig(app_name=APP_NAME, migrations_folder_path=str(MIGRATIONS), table_classes=[])
