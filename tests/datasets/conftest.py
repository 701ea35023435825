from tests.support.image_server import server  # noqa: F401
