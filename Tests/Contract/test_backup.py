"""`progressor backup` and `restore`: copies of a server's own cluster, and servers made of them."""

import json
import os
import resource
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from support.client import fails
from support.processor import Answer, timer_in
from support.server import BINARY, Server, clean_environment, progressor, scratch_directory
from support.waiting import eventually


def backup(server: Server, folder: Path, status: int = 0, **options) -> str:
    result = progressor("backup", str(folder), "--data-dir", str(server.data), timeout=120,
                        **options)
    assert result.returncode == status, result
    return result.stdout if status == 0 else result.stderr


def restore(folder: Path, data: Path, status: int = 0) -> str:
    result = progressor("restore", str(folder), "--data-dir", str(data), timeout=120)
    assert result.returncode == status, result
    return result.stdout if status == 0 else result.stderr


def partial(folder: Path) -> Path:
    return folder.with_name(folder.name + ".partial")


@pytest.fixture
def place():
    """A folder that the user of PostgreSQL may pass."""
    path = scratch_directory()
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_a_server_is_copied_while_it_works_and_goes_on_elsewhere_when_told(servers, spaces, place):
    server = servers().start()
    space = spaces(server.client, lambda invocation: Answer(
        events=[invocation.args], timer=timer_in(3_600) if invocation.kind == "init" else None))
    for number in range(10):
        space.start(f"m{number}")
    space.call("m0", b"before")
    acknowledged, over = [], threading.Event()

    def work(number: int) -> None:
        count = 0
        while not over.is_set():
            space.call(f"m{number}", b"%d" % count)
            acknowledged.append((f"m{number}", count))
            count += 1
    workers = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for worker in workers:
        worker.start()
    eventually(lambda: len(acknowledged) > 20, "it works")
    before = list(acknowledged)
    backup(server, place / "copy")
    said = json.loads(progressor(
        "backup", str(place / "second"), "--data-dir", str(server.data), "--json").stdout)
    assert said["folder"] == str(place / "second") and said["beganAt"] <= said["endedAt"]
    over.set()
    for worker in workers:
        worker.join()
    seen = len(space.invocations())
    space.call("m0", b"afterwards")
    space.start("late")
    later = {invocation.step for invocation in space.invocations()[seen:]}
    server.kill()

    assert "--accept-restored" in restore(place / "copy", place / "data")
    other = Server(["--data-dir", str(place / "data")], embedded=False)
    refuses(other)
    other.arguments.append("--accept-restored")
    other.start()
    try:
        there = space.on(other.client)
        holds_what_was_acknowledged(there, before)
        # Nothing runs by itself.
        seen = len(space.invocations())
        with fails("UNAVAILABLE", "NAMESPACE_PAUSED") as failure:
            there.call("m0", b"again")
        assert "restored from the backup of" in failure[0].message
        assert len(space.invocations()) == seen
        there.resume_all()
        there.call("m0", b"again")
        there.start("late")
        assert there.events("m0")[1:] == [b"before", b"again"]
        # What the processor saw from the other server after the backup is never named anew.
        again = {invocation.step for invocation in space.invocations()[seen:]}
        assert len(again) == 2 and not again & later
        # It was said once and for all, and what was resumed stays so.
        other.arguments.remove("--accept-restored")
        assert other.terminate() == 0
        other.start()
        there.call("m0", b"on")
    finally:
        other.close()


def refuses(server: Server) -> None:
    refused = subprocess.run(
        [str(BINARY), *server.arguments], env=clean_environment(), capture_output=True, text=True,
        timeout=60)
    assert refused.returncode == 5 and "--accept-restored" in refused.stderr
    assert "was restored from a backup" in refused.stderr


def holds_what_was_acknowledged(space, before: list[tuple[str, int]]) -> None:
    """All of it is there, whole steps only, and of what came later what the copy caught."""
    events = {f"m{number}": space.events(f"m{number}")[1:] for number in range(5)}
    assert events["m0"] == [b"before"]
    for id, count in before:
        assert events[id][count] == b"%d" % count
    for id in ("m1", "m2", "m3", "m4"):
        assert events[id] == [b"%d" % number for number in range(len(events[id]))]
    assert space.ids(prefix="late") == []


def test_a_backup_that_is_interrupted_is_none(servers, place):
    server = servers().start()
    folder = place / "copy"
    process = subprocess.Popen(
        [str(BINARY), "backup", str(folder), "--data-dir", str(server.data)],
        env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: (partial(folder) / "postgres" / "base").exists(), "it has begun")
    process.kill()
    process.wait(30)
    assert not folder.exists()
    for path in (folder, partial(folder)):
        said = restore(path, place / "data", status=73)
        assert "no backup" in said and not (place / "data").exists()
    backup(server, folder)
    assert sorted(os.listdir(place)) == ["copy"]
    assert sorted(os.listdir(folder)) == ["backup.json", "postgres"]
    assert server.running


def test_a_backup_that_cannot_be_written_says_so_and_leaves_nothing(servers, place):
    server = servers().start()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    said = backup(server, place / "copy", status=69, preexec_fn=limit)
    assert "cannot copy the cluster" in said
    assert os.listdir(place) == []
    (place / "file").write_text("")
    said = backup(server, place / "file" / "copy", status=73)
    assert "file" in said
    assert "no empty directory" in backup(server, place / "file", status=73)
    (place / "full").mkdir()
    (place / "full" / "of").write_text("")
    assert "no empty directory" in backup(server, place / "full", status=73)
    assert "no PostgreSQL cluster" in progressor(
        "backup", str(place / "copy"), "--data-dir", str(place / "absent")).stderr
    assert sorted(os.listdir(place)) == ["file", "full"]
    assert server.running and server.client.serving()


@pytest.fixture
def mounted(place):
    """An empty folder on a file system of its own."""
    folder = place / "mounted"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g,mode=0777", "tmpfs",
                            str(folder)], capture_output=True, text=True)
    if mount.returncode != 0:
        pytest.skip(f"a folder of its own needs the right to mount: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_where_something_is_mounted_a_backup_is_refused_before_the_copy(servers, place, mounted):
    server = servers().start()
    assert server.terminate() == 0
    # A copy would have to start PostgreSQL.
    settings = server.data / "postgres" / "postgresql.conf"
    right = settings.read_text()
    settings.write_text(right + "\nnonsense\n")
    said = backup(server, mounted, status=73)
    assert "cannot put a folder in place of" in said and "name a folder below it" in said
    assert os.listdir(mounted) == [] and os.listdir(place) == ["mounted"]
    settings.write_text(right)
    backup(server, mounted / "copy")
    assert sorted(os.listdir(mounted / "copy")) == ["backup.json", "postgres"]
    restore(mounted / "copy", place / "data")


def test_an_empty_folder_becomes_the_backup(servers, place):
    server = servers().start()
    (place / "copy").mkdir()
    backup(server, place / "copy")
    assert sorted(os.listdir(place / "copy")) == ["backup.json", "postgres"]
    assert os.listdir(place) == ["copy"]


def test_what_cannot_be_checked_is_not_restored(servers, place):
    server = servers().start()
    backup(server, place / "copy")
    (program,) = set(Path("/usr/lib/postgresql").glob(
        f"{json.loads((place / 'copy' / 'backup.json').read_text())['postgreSQL']}"
        "/bin/pg_verifybackup"))
    hidden = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"',
              str(program.resolve())]
    if subprocess.run([*hidden, "true"], capture_output=True).returncode:
        pytest.skip("only root can hide a program from a process")
    result = subprocess.run(
        [*hidden, str(BINARY), "restore", str(place / "copy"), "--data-dir", str(place / "data")],
        env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert result.returncode == 69 and "cannot be checked" in result.stderr, result
    assert not (place / "data").exists()


def test_what_is_damaged_or_in_the_way_is_not_restored(servers, place):
    server = servers().start()
    backup(server, place / "copy")
    (place / "full").mkdir()
    (place / "full" / "of").write_text("")
    assert "not an empty directory" in restore(place / "copy", place / "full", status=73)
    assert os.listdir(place / "full") == ["of"]
    largest = max((path for path in (place / "copy" / "postgres" / "base").rglob("*")
                   if path.is_file()), key=lambda path: path.stat().st_size)
    with largest.open("r+b") as file:
        file.seek(4_096)
        byte = file.read(1)
        file.seek(4_096)
        file.write(bytes([byte[0] ^ 1]))
    said = restore(place / "copy", place / "data", status=73)
    assert "damaged" in said and not (place / "data").exists()


def test_a_backup_itself_is_not_served_from(servers, place):
    """It has the form of a data directory, and would go on unpaused."""
    server = servers().start()
    assert server.terminate() == 0
    backup(server, place / "copy")
    for option in ((), ("--accept-restored",)):
        started = progressor("serve", "--listen", "127.0.0.1:0", "--data-dir",
                             str(place / "copy"), *option, timeout=60)
        assert started.returncode not in (0, None) and "is a backup" in started.stderr, started
    restore(place / "copy", place / "data")


def test_what_is_restored_twice_names_no_step_twice(servers, spaces, place):
    server = servers().start()
    space = spaces(server.client)
    space.start("m")
    backup(server, place / "copy")
    server.kill()
    seen = len(space.invocations())
    for when in ("first", "second"):
        restore(place / "copy", place / when)
        other = Server(["--data-dir", str(place / when), "--accept-restored"], embedded=False)
        try:
            other.start()
            there = space.on(other.client)
            there.resume_all()
            there.call("m", b"again")
            there.start("late")
        finally:
            other.close()
    steps = [invocation.step for invocation in space.invocations()[seen:]]
    assert len(steps) == 4 == len(set(steps))


def test_a_program_that_does_not_know_the_mark_finds_everything_paused(servers, spaces, place):
    """As an earlier version."""
    server = servers().start()
    space = spaces(server.client)
    space.start("m")
    backup(server, place / "copy")
    seen = len(space.invocations())
    space.call("m", b"later")
    server.kill()
    restore(place / "copy", place / "data")
    (place / "data" / "restored.json").unlink()
    other = Server(["--data-dir", str(place / "data")], embedded=False)
    try:
        other.start()
        there = space.on(other.client)
        with fails("UNAVAILABLE", "NAMESPACE_PAUSED") as failure:
            there.call("m", b"again")
        assert "restored from the backup of" in failure[0].message
        there.resume_all()
        there.call("m", b"again")
        steps = [invocation.step for invocation in space.invocations()[seen:]]
        assert len(steps) == 2 == len(set(steps))
    finally:
        other.close()


def test_a_restore_that_is_interrupted_does_not_start_as_a_new_server(servers, place):
    server = servers().start()
    backup(server, place / "copy")
    process = subprocess.Popen(
        [str(BINARY), "restore", str(place / "copy"), "--data-dir", str(place / "data")],
        env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: (place / "data" / "restored.json").exists(), "it has begun")
    process.kill()
    process.wait(30)
    if (place / "data" / "postgres").exists():
        pytest.skip("it was over before it was killed")
    result = subprocess.run(
        [str(BINARY), "serve", "--data-dir", str(place / "data"), "--listen", "127.0.0.1:0",
         "--accept-restored"], env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert result.returncode == 73 and "not restored to the end" in result.stderr


def test_a_server_that_is_stopped_is_copied_too(servers, spaces, place):
    server = servers().start()
    space = spaces(server.client)
    space.start("m", b"one")
    assert server.terminate() == 0
    backup(server, place / "copy")
    server.start()
    assert space.events("m") == [b"one"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_an_ordinary_user_does_both(place, new_data):
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if subprocess.run([*user, str(BINARY), "--version"], capture_output=True).returncode != 0:
        pytest.skip("that user cannot run the program where it is")
    subprocess.run(["cp", "--archive", str(new_data), str(place / "data")], check=True)
    subprocess.run(["chown", "-R", "65534:65534", str(place)], check=True)
    server = Server(directory=place, launcher=user)
    try:
        server.start()
        for arguments in (("backup", str(place / "copy"), "--data-dir", str(server.data)),
                          ("restore", str(place / "copy"), "--data-dir", str(place / "new"))):
            result = subprocess.run([*user, str(BINARY), *arguments], env=clean_environment(),
                                    capture_output=True, text=True, timeout=120)
            assert result.returncode == 0, result
        assert (place / "new" / "postgres").stat().st_uid == 65534
    finally:
        server.close()


def test_an_external_database_is_quietened_when_somebody_says_that_it_was_put_back(node, spaces):
    """As after PITR: who starts the first node says so."""
    server = node().start()
    space = spaces(server.client)
    space.start("m")
    assert server.terminate() == 0
    server.arguments.append("--accept-restored")
    server.start()
    with fails("UNAVAILABLE", "NAMESPACE_PAUSED"):
        space.call("m")
    space.resume_all()
    space.call("m", b"on")
    assert space.events("m")[-1] == b"on"
