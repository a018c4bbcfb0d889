"""What the tests of the machines share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from counterseal.errors import Refused


@pytest.fixture(scope="session")
def refusing() -> Callable[[str], AbstractContextManager[None]]:
    """Demand one refusal, by its stable code."""

    @contextmanager
    def refusing(code: str) -> Iterator[None]:
        with pytest.raises(Refused) as caught:
            yield
        assert caught.value.code == code

    return refusing
