"""What is made from the code is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.docs import DOCUMENTS


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_generated_document_is_current(path: str) -> None:
    assert Path(path).read_text(encoding="utf-8") == DOCUMENTS[path](), "run ./ops docs"
