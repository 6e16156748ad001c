"""Init for a model: from what it says of itself to its entry in the catalog.

Where no project is, a first one is made around it, which loads and grants nothing. In a project, one file is added to
the catalog and nothing else is touched: the source that it needs is said, where the project has none like it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from app.project import Project, load_project
from app.secrets import SecretError, resolve
from app.steward.init import InitError
from app.steward.init_model_read import base_of, kind_of, read_mlflow, read_onnx, read_open_inference
from app.steward.init_model_signature import Kind, Signature
from app.steward.init_model_write import entry
from app.steward.init_names import Roots, free, logical
from app.steward.init_write import PERSONAS, POLICIES, quoted, settings
from schema.catalog import Source
from schema.errors import Place
from schema.load_names import ROOT_SUFFIXES, TYPE_SUFFIXES
from schema.names import LOGICAL

KINDS = ("open_inference", "mlflow", "onnx")
_UNSET = "MODEL_URL"


@dataclass(frozen=True, slots=True)
class Written:
    """What was made. ``source`` are the lines that settings need, None where they have them; ``left_out`` are inputs
    and outputs without a type here; ``variable`` must hold the server's URL, None where that is known."""

    id: str
    files: tuple[str, ...]
    source: str | None
    left_out: tuple[str, ...]
    variable: str | None


async def init_model(where: str, out: Path, kind: str | None = None, id_: str | None = None) -> Written:
    """Write the entry of the model at a URL or path, which may be a secret reference, below ``out``.

    Raises InitError, `LoadErrors` where the project at ``out`` does not load, and `Refusal` where a server is down.
    """
    try:
        shown = resolve(where, out)
    except SecretError as error:
        raise InitError(str(error)) from None
    made = await _read(shown, _kind(shown, kind))
    if not any(put.type for put in made.inputs) or not any(put.type for put in made.outputs):
        raise InitError(
            f"CH245 The model says nothing of its {_silent(made)} that can be written down. {_HINT[made.kind]}"
        )
    domain, name = _id(made, id_)
    project = load_project(out) if (out / "customhouse.yaml").exists() else None
    source = _source(made, shown, out, project)
    written = _files(made, domain, name, source, project, out)
    for file, text in written.items():
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        (out / file).write_text(text, encoding="utf-8")
    has_source = project is None or source.name in project.catalog.sources
    if has_source:
        load_project(out)
    return Written(
        f"{domain}.{name}",
        tuple(written),
        None if has_source else f"{source.name}: {{kind: {source.kind}, url: {quoted(source.url)}}}",
        tuple(put.physical for put in (*made.inputs, *made.outputs) if put.type is None),
        _UNSET if source.url == f"secret:env:{_UNSET}" else None,
    )


_HINT = {
    "open_inference": "Declare both where the model is deployed, for MLServer in model-settings.json.",
    "mlflow": "Save it with a signature.",
    "onnx": "Write the entry by hand.",
}


def _silent(made: Signature) -> str:
    return "outputs" if any(put.type for put in made.inputs) else "inputs"


def _kind(where: str, kind: str | None) -> Kind:
    found = kind_of(where)
    if kind is None or kind == found:
        return found
    if kind not in KINDS:
        raise InitError(f"CH245 Nothing is read of a model of kind {kind}; there are {', '.join(KINDS)}.")
    if kind == "mlflow":
        raise InitError(
            "CH245 An MLflow server does not tell its signature. Name the model's folder, or its MLmodel file."
        )
    raise InitError(f"CH245 A model of kind {kind} is named by {_NAMED[kind]}.")


_NAMED = {"open_inference": "its URL: http://host:8080/v2/models/NAME", "onnx": "a file that ends in .onnx"}


async def _read(where: str, kind: Kind) -> Signature:
    if kind == "open_inference":
        return await read_open_inference(where)
    return read_onnx(Path(where)) if kind == "onnx" else read_mlflow(Path(where))


def _id(made: Signature, id_: str | None) -> tuple[str, str]:
    if id_ is None:
        return "ml", logical(made.name, "model")
    if re.fullmatch(rf"{LOGICAL}\.{LOGICAL}", id_) is None:
        raise InitError("CH245 A product is named domain.name, in lower case: ml.delay_risk.")
    domain, _, name = id_.partition(".")
    return domain, name


def _source(made: Signature, where: str, out: Path, project: Project | None) -> Source:
    """The project's source that serves this model, or one to be written down. A URL of a model holds no credentials
    (it would have been refused), so it may be written as it is; an MLmodel file does not say where it is served."""
    if made.kind == "open_inference":
        url = base_of(where)
    elif made.kind == "onnx":
        url = Path(os.path.relpath(Path(where).parent, out)).as_posix()
    else:
        url = f"secret:env:{_UNSET}"
    sources = {} if project is None else project.catalog.sources
    like = [one for one in sources.values() if one.kind == made.kind and (made.kind == "mlflow" or one.url == url)]
    if like and (made.kind != "mlflow" or len(like) == 1):
        return like[0]
    return Source(free("scorer", lambda name: name in sources), made.kind, url, Place(""))


def _files(
    made: Signature, domain: str, name: str, source: Source, project: Project | None, out: Path
) -> dict[str, str]:
    roots = Roots()
    for product in project.catalog.products.values() if project is not None else ():
        roots.roots |= {product.singular, product.plural, *(product.plural + suffix for suffix in ROOT_SUFFIXES)}
        roots.types |= {product.type_name, *(product.type_name + suffix for suffix in TYPE_SUFFIXES)}
    new = project is None or domain not in project.catalog.domains
    file = f"catalog/{domain}.yaml" if project is None else f"catalog/{domain}_{name}.yaml"
    if (out / file).exists() or (project is not None and f"{domain}.{name}" in project.catalog.products):
        raise InitError(f"CH246 {out} holds {domain}.{name} already. Choose another name with --name.")
    if project is None and ((out / "catalog").exists() or (out / "policies").exists()):
        raise InitError(f"CH246 {out} holds a part of a project already. Choose another directory with --out.")
    text = entry(made, f"{domain}.{name}", source.name, new, roots.take(domain, name))
    if project is not None:
        return {file: text}
    first = {"customhouse.yaml": settings(source), "policies/policies.yaml": POLICIES, "personas.yaml": PERSONAS}
    return {**first, file: text}
