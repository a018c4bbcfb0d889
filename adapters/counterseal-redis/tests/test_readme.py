"""The example of the README runs."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_its_example_runs(redis_8_2):
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    runnable = example.replace("port=6379", f"port={redis_8_2.port}")

    assert runnable != example
    exec(runnable, {})  # noqa: S102 - ours
