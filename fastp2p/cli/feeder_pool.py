"""Where the feeders of a study are examined: in threads, or where they are many in processes."""

from concurrent.futures import Executor, ThreadPoolExecutor

from fastp2p.errors import InputError
from fastp2p.study.model import Study
from fastp2p.sweep.workers import count_workers, start_processes

FEEDERS_FROM = 60
"""Feeders from which workers are processes: these scale better than threads, and start within seconds."""


def count_feeders(study: Study) -> int:
    """How many networks a study names; 1 where that is not known, which the run then tells."""
    from fastp2p.sweep.feeder_list import list_feeders

    try:
        return len(list_feeders(study.network.sources)) if study.network.sources else 1
    except InputError:
        return 1


def feeder_pool(n_feeders: int) -> Executor:
    """Workers for so many feeders, as many as there are processors."""
    count = count_workers(None, n_feeders)
    return start_processes(count) if n_feeders >= FEEDERS_FROM and count > 1 else ThreadPoolExecutor(count)
