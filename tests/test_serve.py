"""The server of the site: whole answers from the folder alone, few threads, and an end to every wait."""

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from book import serve

PAGE = b"<p>" + b"whole " * 50_000


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "html"
    (folder / "images").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "a page.html").write_bytes(b"blank")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    return folder


@pytest.fixture
def port(site):
    with serve.Server(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def opened(port) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def answer(port, path, method="GET") -> tuple[int, bytes]:
    """Return status and body; the path goes out as it is."""
    with opened(port) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        said = b""
        while part := connection.recv(1 << 16):
            said += part
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"nosniff" in head
    return int(head.split()[1]), body


@pytest.mark.parametrize("path", ["/", "/index.html", "/index.html?a=b#c", "/images/../index.html"])
def test_a_page_comes_whole(path, port):
    assert answer(port, path) == (200, PAGE)
    assert answer(port, path, "HEAD") == (200, b"")


def test_names_may_have_blanks(port):
    assert answer(port, "/a%20page.html") == (200, b"blank")


OUTSIDE = ["/../secret.txt", "/%2e%2e/secret.txt", "/images/../../secret.txt", "/link.txt", "/up/secret.txt", "/up/"]


@pytest.mark.parametrize("path", [*OUTSIDE, "//../secret.txt", "/..%5csecret.txt", "/%00", "/nothing.html", "/images/"])
def test_what_is_no_file_of_the_folder_is_not_found(path, port):
    status, body = answer(port, path)
    assert status == 404 and b"secret\n" not in body and b"secret" != body


def test_nothing_can_be_written(port):
    assert [answer(port, "/new.html", method)[0] for method in ("PUT", "POST", "DELETE")] == [501] * 3


def test_only_this_machine_is_served(site):
    with serve.Server(site, 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_readers_who_say_nothing_are_sent_away_and_the_others_served(port, monkeypatch):
    """More of them than threads; their bytes that come one by one make no difference."""
    monkeypatch.setattr(serve, "ASKING", 0.5)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(opened(port)) for _ in range(serve.READERS + 8)]
        started = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            served = pool.submit(answer, port, "/")
            while not served.done():
                with contextlib.suppress(ConnectionError):
                    silent[0].sendall(b"G")
                time.sleep(0.05)
        assert served.result() == (200, PAGE) and time.monotonic() - started < 15
        assert silent[1].recv(1) == b""
        assert threading.active_count() < serve.READERS + 10


def test_a_reader_who_takes_nothing_is_left(port, monkeypatch, site):
    monkeypatch.setattr(serve, "TAKING", 0.2)
    (site / "large.bin").write_bytes(bytes(20_000_000))
    idle, deadline = threading.active_count(), time.monotonic() + 20
    with opened(port) as connection:
        connection.sendall(b"GET /large.bin HTTP/1.0\r\n\r\n")
        assert connection.recv(4) == b"HTTP"
        while threading.active_count() > idle and time.monotonic() < deadline:
            time.sleep(0.05)
        assert threading.active_count() == idle


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "there is no site at nowhere; `make book` builds it"),
        (["SITE", "--port", "70000"], "cannot be used"),
    ],
)
def test_what_cannot_be_served_is_refused_with_words(arguments, words, site, capsys):
    with pytest.raises(SystemExit):
        serve.main([str(site) if word == "SITE" else word for word in arguments])
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_port_that_is_taken_is_named(site, port, capsys):
    with pytest.raises(SystemExit):
        serve.main([str(site), "--port", str(port)])
    assert f"port {port} is taken; PORT=8001 is another" in " ".join(capsys.readouterr().err.split())
