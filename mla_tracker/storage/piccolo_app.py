"""Our tables and migrations as an app in Piccolo's sense."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

APP_NAME = "mla_tracker"
MIGRATIONS = Path(__file__).parent / "migrations"

APP_CONFIG = AppConfig(app_name=APP_NAME, migrations_folder_path=str(MIGRATIONS), table_classes=[])
