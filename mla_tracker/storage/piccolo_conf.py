"""Where Piccolo's tools find the engine and our one app."""

from piccolo.conf.apps import AppRegistry

from mla_tracker.storage.database import ENGINE

DB = ENGINE
APP_REGISTRY = AppRegistry(apps=["mla_tracker.storage.piccolo_app"])
