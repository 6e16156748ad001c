"""Registry: from a catalog's source to what answers by key. Drivers are imported when a source needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from resolvers.backends.keyed.guard import Guarded
from resolvers.backends.keyed.keyed import Keyed
from resolvers.backends.reliability.guard import Guard
from resolvers.backends.reliability.settings import split
from resolvers.observe import SILENT, Observer
from schema.catalog import Source

Opener = Callable[[Source, str, Path], Keyed]


def open_guarded(source: Source, url: str, project: Path, observer: Observer = SILENT) -> Keyed:
    """What answers for a keyed source, behind a guard. The guard takes its options out of the source's; the back end
    sees the others alone. Connects to nothing. Raises ValueError as `open_keyed` does, and for a silly setting."""
    settings, rest = split(source.options)
    return Guarded(open_keyed(replace(source, options=rest), url, project), Guard(source.name, settings, observer))


def open_keyed(source: Source, url: str, project: Path) -> Keyed:
    """What answers for a source. ``url`` has its secrets resolved; relative paths are the project's.

    Connects to nothing. Raises ValueError with a sentence for a kind, URL or option that has no meaning.
    """
    opener = _OPENERS.get(source.kind)
    if opener is None:
        raise ValueError(f"no back end for kind '{source.kind}'; there are {', '.join(sorted(_OPENERS))}")
    return opener(source, url, project)


def _onnx(source: Source, url: str, project: Path) -> Keyed:
    if not url or "://" in url:
        raise ValueError("an onnx source has a folder of .onnx files for its url, such as models/")
    try:
        from resolvers.backends.keyed.onnx import Onnx
    except ImportError as error:
        raise ValueError("an onnx source needs the packages onnxruntime and numpy") from error
    return Onnx(source, (project / url).resolve())


def _open_inference(source: Source, url: str, project: Path) -> Keyed:
    from resolvers.backends.keyed.http_options import HttpOptions
    from resolvers.backends.keyed.open_inference import BATCH, OPTIONS, OpenInference

    return OpenInference(source, HttpOptions.read(source, url, project, OPTIONS, BATCH))


def _mlflow(source: Source, url: str, project: Path) -> Keyed:
    from resolvers.backends.keyed.http_options import HttpOptions
    from resolvers.backends.keyed.mlflow import BATCH, OPTIONS, MLflow

    return MLflow(source, HttpOptions.read(source, url, project, OPTIONS, BATCH))


def _vertex(source: Source, url: str, project: Path) -> Keyed:
    from resolvers.backends.keyed.http_options import HttpOptions
    from resolvers.backends.keyed.vertex import BATCH, OPTIONS, Vertex, default_url

    return Vertex(source, HttpOptions.read(source, url or default_url(source), project, OPTIONS, BATCH))


def _feast(source: Source, url: str, project: Path) -> Keyed:
    from resolvers.backends.keyed.feast import BATCH, OPTIONS, Feast
    from resolvers.backends.keyed.http_options import HttpOptions

    return Feast(source, HttpOptions.read(source, url, project, OPTIONS, BATCH))


def _redis(source: Source, url: str, project: Path) -> Keyed:
    from resolvers.backends.keyed.redis import Redis

    return Redis(source, url)


def _dynamodb(source: Source, url: str, project: Path) -> Keyed:
    from resolvers.backends.keyed.dynamodb import DynamoDB

    return DynamoDB(source, url)


def _sagemaker(source: Source, url: str, project: Path) -> Keyed:
    from resolvers.backends.keyed.sagemaker import SageMaker

    return SageMaker(source, url)


def _sagemaker_features(source: Source, url: str, project: Path) -> Keyed:
    from resolvers.backends.keyed.sagemaker_features import SageMakerFeatures

    return SageMakerFeatures(source, url)


_OPENERS: dict[str, Opener] = {
    "dynamodb": _dynamodb,
    "feast": _feast,
    "mlflow": _mlflow,
    "onnx": _onnx,
    "open_inference": _open_inference,
    "redis": _redis,
    "sagemaker": _sagemaker,
    "sagemaker_features": _sagemaker_features,
    "vertex": _vertex,
}
