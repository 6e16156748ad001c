"""What a source over HTTP may say of itself: everything else is refused in a sentence, which holds no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.http_options import HttpOptions
from resolvers.backends.keyed.keyed import Call
from schema.catalog import Source, SourceKind
from schema.errors import Place, Refusal
from tests.keyed_http.products import CANARY, RISK, opened

URL = "http://127.0.0.1:9"

BAD: list[tuple[SourceKind, Mapping[str, object], str]] = [
    ("open_inference", {"pool_size": 3}, "a source of kind open_inference has no option 'pool_size'; there are batch,"),
    ("feast", {"tensor": "x"}, "a source of kind feast has no option 'tensor'"),
    ("mlflow", {"connections": 0}, "'connections' is a whole number from 1"),
    ("mlflow", {"connections": True}, "'connections' is a whole number from 1"),
    ("mlflow", {"max_answer_bytes": "64M"}, "'max_answer_bytes' is a whole number from 1"),
    ("mlflow", {"connect_timeout": 0}, "'connect_timeout' is a number of seconds above 0"),
    ("mlflow", {"params": [1]}, "'params' is a mapping"),
    ("mlflow", {"headers": ["a"]}, "'headers' is a mapping"),
    ("mlflow", {"headers": {"Host": CANARY}}, "'headers' has a name that is none of a header"),
    ("mlflow", {"headers": {"a b": CANARY}}, "'headers' has a name that is none of a header"),
    ("mlflow", {"headers": {"X-Key": f"{CANARY}\r\nX: y"}}, "'headers' has a value that cannot stand in a header"),
    ("mlflow", {"headers": {"X-Key": 7}}, "'headers' has a value that cannot stand in a header"),
    ("mlflow", {"bearer": f"{CANARY}\n"}, "'bearer' has a value that cannot stand in a header"),
    ("mlflow", {"bearer": CANARY, "headers": {"authorization": CANARY}}, "both set Authorization"),
    ("mlflow", {"ca_file": "no/such.pem"}, "'ca_file' names no file of certificates"),
    ("mlflow", {"ca_file": 7}, "'ca_file' is a path"),
    ("open_inference", {"shape": "[1,n]"}, "'shape' is one of [n], [n,1]"),
    ("open_inference", {"tensor": ""}, "'tensor' is a text"),
    ("open_inference", {"pin_version": "yes"}, "'pin_version' is true or false"),
    ("open_inference", {"missing": 0}, "'missing' is one of null, nan"),
    ("vertex", {"credentials": "none"}, "needs a location and option 'project'"),
    ("vertex", {"credentials": CANARY}, "needs a location and option 'project'"),
    ("feast", {"full_feature_names": "yes"}, "'full_feature_names' is true or false"),
]


@pytest.mark.parametrize(("kind", "options", "sentence"), BAD)
def test_what_has_no_meaning(kind: SourceKind, options: Mapping[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        opened(kind, URL, **options)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "host:80", "ftp://host", "http://", "http://h:0", "http://h:x", "http://h?a=b", "http://h#f", "http://h/a b"],
)
def test_urls_that_mean_nothing(url: str) -> None:
    with pytest.raises(ValueError, match="its URL is like"):
        opened("mlflow", url)


def test_credentials_do_not_stand_in_the_url() -> None:
    with pytest.raises(ValueError, match="holds no credentials") as caught:
        opened("mlflow", f"https://ann:{CANARY}@host")
    assert CANARY not in str(caught.value)


def test_vertex() -> None:
    with pytest.raises(ValueError, match="needs a location such as"):
        opened("vertex", "", project="p")
    with pytest.raises(ValueError, match="so it needs 'credentials: none'"):
        opened("vertex", "", "europe-west4", project="p", bearer="x")
    with pytest.raises(ValueError, match="'credentials' is one of default, none"):
        opened("vertex", "", "europe-west4", project="p", credentials="file")
    with pytest.raises(ValueError, match="'instances' is one of records, lists, values"):
        opened("vertex", "", "europe-west4", project="p", instances="rows")


@pytest.mark.parametrize("kind", ["open_inference", "mlflow", "vertex"])
async def test_a_models_own_options_are_checked_when_it_is_asked(
    kind: SourceKind, caplog: pytest.LogCaptureFixture
) -> None:
    assert RISK.model is not None
    odd = replace(RISK, model=replace(RISK.model, options={"speed": "high"}))
    backend = opened(kind, f"{URL}/x:predict", credentials="none") if kind == "vertex" else opened(kind, URL)
    with pytest.raises(Refusal, match="failed"):
        await backend.find(odd, [(1.0, "UA", 2)], ("label",), Call(Deadline.after(5)))
    await backend.close()
    assert f"a model of kind {kind} has no option speed" in caplog.text


def test_defaults() -> None:
    found = HttpOptions.read(Source("it", "mlflow", URL, Place("")), f"{URL}/", Path(), ("params",), 5)
    assert (found.url, found.batch, found.connections, found.max_answer_bytes) == (URL, 5, 16, 64 * 1024 * 1024)
