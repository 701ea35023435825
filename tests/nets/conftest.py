from tests.support.shallow import always_shallow  # noqa: F401
