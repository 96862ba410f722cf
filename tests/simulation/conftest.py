from tests.pipeline.conftest import rig

__all__ = ["rig"]
