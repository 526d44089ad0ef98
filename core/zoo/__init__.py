"""Models by name: a registry with provenance, checked downloads and a local cache."""

from __future__ import annotations

from .cache import cache_dir, describe_models, resolve_model
from .registry import MODELS, ZooModel, find_model

__all__ = ["MODELS", "ZooModel", "cache_dir", "describe_models", "find_model", "resolve_model"]
