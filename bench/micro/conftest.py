"""The first case of each benchmark, which is its smallest, is marked so."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    seen = set()
    for item in items:
        name = item.path, item.originalname
        if name not in seen:
            item.add_marker(pytest.mark.smallest)
        seen.add(name)
