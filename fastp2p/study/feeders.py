"""The study of one of many feeders."""

from __future__ import annotations

import hashlib

from fastp2p.io.opendss.source import is_opendss
from fastp2p.study.model import Study


def feeder_study(study: Study, name: str, file: str) -> Study:
    """The study of one network that gives the rows which a feeder has among others.

    Its seed is made of the study's and of the feeder's name, so it does not depend on those beside it. `network.zero_sequence`
    is for feeders of pandapower: OpenDSS files say all of it, and a region may have both.
    """
    digest = hashlib.sha256(f"{study.seed}\n{name}".encode()).digest()
    update = {"source": file, "sources": None} | ({"zero_sequence": None} if is_opendss(file) else {})
    part = study.network.model_copy(update=update)
    return study.model_copy(update={"network": part, "seed": int.from_bytes(digest[:16], "big")})
