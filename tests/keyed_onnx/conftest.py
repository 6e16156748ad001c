"""A project with an empty folder of models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from resolvers.backends.keyed.onnx import Onnx
from tests.keyed_onnx.place import opened


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
async def back(models: Path) -> AsyncIterator[Onnx]:
    made = opened(models.parent, workers=2)
    yield made
    await made.close()
