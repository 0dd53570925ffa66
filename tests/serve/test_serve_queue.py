"""The queue: fair, and nothing lost or done twice; on SQLite, and on PostgreSQL where one is installed."""

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the service's libraries are not installed here (extra serve)")

from demeanor.errors import ConfigError
from demeanor.serve.database import open_database
from demeanor.serve.queue import ATTEMPTS, LEASE, Full, Job, Queue
from demeanor.serve.spool import new_id

Make = Callable[..., Queue]


@pytest.fixture(params=["sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Opens the same queue as often as it is called."""
    url = request.getfixturevalue("postgres") if request.param == "postgres" else None
    made: list[Queue] = []

    def call(**settings: float) -> Queue:
        made.append(Queue(open_database(url, tmp_path), **settings))
        return made[-1]

    first = call()
    for id in first.ids():
        first.delete(id)
    yield call
    for queue in made:
        queue.close()


def took(queue: Queue) -> Job:
    job = queue.take()
    assert job is not None
    return job


def test_a_job_from_beginning_to_end(make: Make) -> None:
    queue = make()
    job = queue.submit(new_id(), "ann")
    assert (job.state, job.progress, job.final) == ("queued", 0.0, False)
    taken = took(queue)
    assert taken.id == job.id
    assert queue.take() is None
    assert queue.renew(taken, 0.5, "sound")
    running = queue.get(job.id, "ann")
    assert running is not None
    assert (running.state, running.progress, running.stage) == ("running", 0.5, "sound")
    assert queue.get(job.id, "bob") is None
    assert queue.finish(taken, "done")
    done = queue.get(job.id)
    assert done is not None
    assert (done.state, done.progress, done.result) == ("done", 1.0, taken.claim)
    assert done.expires is not None
    assert done.finished is not None
    assert done.expires - done.finished == pytest.approx(3600)


def test_keys_take_turns_however_much_one_of_them_hands_in(make: Make) -> None:
    queue = make()
    for _ in range(8):
        queue.submit(new_id(), "greedy")
    for owner in ("ann", "bob"):
        for _ in range(2):
            queue.submit(new_id(), owner)
    order = []
    for _ in range(12):  # one worker
        job = took(queue)
        order.append(job.owner)
        queue.finish(job, "done")
    assert sorted(order[:3]) == sorted(order[3:6]) == ["ann", "bob", "greedy"]
    assert order[6:] == ["greedy"] * 6


def test_with_several_workers_no_key_has_two_while_another_has_none(make: Make) -> None:
    queue = make()
    for owner in ["greedy"] * 8 + ["ann", "bob"]:
        queue.submit(new_id(), owner)
    assert sorted(took(queue).owner for _ in range(3)) == ["ann", "bob", "greedy"]


def test_a_lost_claim_finishes_nothing(make: Make) -> None:
    queue = make()
    queue.submit(new_id(), "ann")
    lost = took(queue)
    queue.give_back(lost)
    again = took(queue)
    assert again.id == lost.id
    assert again.attempts == lost.attempts
    assert not queue.renew(lost, 0.9, None)
    assert not queue.finish(lost, "failed")
    assert queue.finish(again, "done")
    assert not queue.finish(again, "done")
    found = queue.get(again.id)
    assert found is not None
    assert (found.state, found.result) == ("done", again.claim)


def test_the_same_idempotency_key_is_the_same_job(make: Make) -> None:
    queue = make()
    first = queue.submit(new_id(), "ann", "k", "print")
    assert queue.submit(new_id(), "ann", "k", "another").id == first.id
    assert queue.submit(new_id(), "bob", "k", "print").id != first.id
    assert queue.submit(new_id(), "ann", None).id != queue.submit(new_id(), "ann", None).id


def test_a_full_queue_takes_nothing_new_and_knows_what_it_has(make: Make) -> None:
    queue = make()
    ids = [queue.submit(new_id(), "ann", key, "print", most=2).id for key in ("a", "b")]
    assert queue.submit(new_id(), "ann", "b", "print", most=2).id == ids[1]
    for key in ("c", None):
        with pytest.raises(Full):
            queue.submit(new_id(), "ann", key, "print", most=2)
    assert queue.ids() == set(ids)
    assert queue.submit(new_id(), "bob", "a", "print", most=2).id not in ids
    assert queue.finish(took(queue), "done")
    assert queue.handed_in("ann", "c") is None
    assert queue.submit(new_id(), "ann", "c", "print", most=2) == queue.handed_in("ann", "c")


def test_cancelled_at_once_or_by_its_worker(make: Make) -> None:
    queue = make()
    waiting, running = (queue.submit(id, "ann") for id in (new_id(), new_id()))
    taken = took(queue)
    other = running if taken.id == waiting.id else waiting
    for id in (taken.id, other.id):
        assert queue.cancel(id, "bob") is None
    found = queue.cancel(other.id, "ann")
    assert found is not None
    assert found.state == "cancelled"
    assert queue.renew(taken, 0.1, None)
    assert queue.cancel(taken.id, "ann") is not None
    assert not queue.renew(taken, 0.1, None)
    assert queue.finish(taken, "cancelled")
    assert queue.counts() == {"cancelled": 2}


def test_pages_hold_every_job_once(make: Make) -> None:
    queue = make()
    ids = [queue.submit(new_id(), "ann").id for _ in range(7)]
    seen: list[str] = []
    before = None
    while page := queue.page("ann", 3, before, None):
        seen += [job.id for job in page]
        before = (page[-1].created, page[-1].id)
    assert sorted(seen) == sorted(ids)
    assert queue.page("bob", 3, None, None) == []
    assert len(queue.page("ann", 10, None, "queued")) == 7
    assert queue.active("ann") == 7


def test_time_takes_results_and_then_jobs(make: Make) -> None:
    queue = make(keep=0.4, keep_fetched=0.05)
    queue.submit(new_id(), "ann")
    job = took(queue)
    queue.finish(job, "done")
    assert queue.over() == ([], [])
    queue.fetched(job)
    time.sleep(0.1)
    assert queue.over() == ([job.id], [])
    found = queue.get(job.id)
    assert found is not None
    assert found.result is None
    time.sleep(0.4)
    assert queue.over() == ([], [job.id])
    assert queue.get(job.id) is None


def test_what_a_dead_service_had_begun_is_taken_up(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    if (queue := make()).shared:  # by its lease: another service may be alive
        monkeypatch.setattr("demeanor.serve.queue.LEASE", 0.05)
    queue.submit(new_id(), "ann")
    for attempt in range(1, ATTEMPTS + 1):
        job = took(queue)
        assert job.attempts == attempt
        time.sleep(0.1)
        queue = make()
        given_up = queue.recover()
    assert given_up == [job.id]
    found = queue.get(job.id)
    assert found is not None
    assert found.state == "failed"


def test_a_service_whose_clock_is_ahead_takes_nothing_from_another(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, other = (Queue(open_database(postgres, tmp_path)) for _ in range(2))
    queue.submit(new_id(), "ann")
    job = took(queue)
    ahead = time.time() + 2 * LEASE
    monkeypatch.setattr(time, "time", lambda: ahead)
    other.recover()
    assert queue.renew(job, 0.5, None), "it is still read by the one that took it"
    queue.delete(job.id)
    for each in (queue, other):
        each.close()


def test_two_services_never_take_the_same_job(postgres: str, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    queues = [Queue(open_database(postgres, tmp_path)) for _ in range(4)]
    owners = [secrets.token_hex(4) for _ in range(5)]
    ids = {queues[0].submit(new_id(), owner).id for owner in owners for _ in range(8)}

    def work(queue: Queue) -> list[str]:
        mine = []
        while (job := queue.take()) is not None:
            mine.append(job.id)
            assert queue.finish(job, "done")
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [id for part in pool.map(work, queues) for id in part]
    assert sorted(taken) == sorted(ids)
    for queue in queues:
        queue.close()


def test_urls_of_other_databases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="postgresql://"):
        open_database("mysql://somewhere", tmp_path)
    pytest.importorskip("psycopg", reason="psycopg is not installed here (extra postgres)")
    with pytest.raises(ConfigError, match="that answers"):
        open_database(f"postgresql:///none?host={tmp_path}", tmp_path)
