import json
import threading

import pytest

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import layout
from docker_registry.upkeep.schedule import Rhythm, Scheduler


class Counter:
    name = "count"

    def __init__(self):
        self.runs = 0
        self.ran = threading.Event()

    def run(self):
        self.runs += 1
        self.ran.set()


class Broken:
    name = "broken"

    def run(self):
        raise RuntimeError("out of order")


def test_one_of_many_processes_runs_a_job():
    driver, job = MemoryDriver(), Counter()
    for _ in range(3):
        Scheduler(driver, [Rhythm(job, every=3600)]).run_due()
    assert job.runs == 1


def test_it_runs_again_when_its_time_has_come():
    job = Counter()
    scheduler = Scheduler(MemoryDriver(), [Rhythm(job, every=0)])
    scheduler.run_due()
    scheduler.run_due()
    assert job.runs == 2


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", json.dumps({"started": "x"}).encode()])
def test_an_unreadable_record_means_never(record):
    driver, job = MemoryDriver(), Counter()
    driver.put_content(layout.last_run(job.name), record)
    Scheduler(driver, [Rhythm(job, every=3600)]).run_due()
    assert job.runs == 1


def test_a_job_that_fails_keeps_no_other_from_running(caplog):
    job = Counter()
    Scheduler(MemoryDriver(), [Rhythm(Broken(), 1), Rhythm(job, 1)]).run_due()
    assert job.runs == 1
    assert "the job broken failed" in caplog.text


def test_the_thread_is_started_once():
    job = Counter()
    scheduler = Scheduler(MemoryDriver(), [Rhythm(job, every=0)], glance=0.01)
    before = threading.active_count()
    for _ in range(3):
        scheduler.ensure_running()
    assert threading.active_count() == before + 1
    assert job.ran.wait(10)
