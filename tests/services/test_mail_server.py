import asyncio
from functools import partial

import pytest

from netarium.services.mail import server as module
from netarium.services.mail.conversation import Conversation
from netarium.services.mail.pop3 import Pop3

from .mail_talk import LOG, open_store


class Broken(Conversation):
    protocol = "BROKEN"

    def dialogue(self):
        yield b"hello\r\n"
        yield from self.line(100)
        raise KeyError("a fault of ours")

    def farewell(self, reason):
        return f"bye: {reason}\r\n".encode()


class Flood(Broken):
    def dialogue(self):
        yield b"hello\r\n"
        while True:
            yield b"x" * 100_000


def meet(tmp_path, kind, scene, **attributes):
    """Run ``scene(connect)`` against a server of that kind of conversation."""
    store = open_store(tmp_path)

    def make(peer):
        conversation = kind(store, "mail", peer, LOG)
        for name, value in attributes.items():
            setattr(conversation, name, value)
        return conversation

    async def stage():
        connections = set()
        loop = asyncio.get_running_loop()
        factory = partial(module._Connection, make, connections, None, LOG)
        server = await loop.create_server(factory, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            await asyncio.wait_for(scene(partial(asyncio.open_connection, "127.0.0.1", port)), 20)
            for _ in range(100):
                if not connections:
                    break
                await asyncio.sleep(0.05)
            assert not connections, "a connection was forgotten"
        finally:
            server.close()

    asyncio.run(stage())


def test_whoever_is_silent_for_too_long_is_told_goodbye(tmp_path):
    async def scene(connect):
        reader, writer = await connect()
        assert (await reader.readline()).startswith(b"+OK")
        assert await reader.read() == b"-ERR silent for too long\r\n"
        writer.close()

    meet(tmp_path, Pop3, scene, patience=0.05)


def test_whoever_speaks_is_not_hung_up_on(tmp_path):
    async def scene(connect):
        reader, writer = await connect()
        await reader.readline()
        for _ in range(8):
            await asyncio.sleep(0.1)
            writer.write(b"NOOP\r\n")
            assert b"log in" in await reader.readline()
        writer.close()

    meet(tmp_path, Pop3, scene, patience=0.4)


def test_fault_in_one_connection_leaves_the_others_alone(tmp_path):
    async def scene(connect):
        other_reader, other_writer = await connect()
        reader, writer = await connect()
        writer.write(b"anything\r\n")
        assert await reader.read() == b"hello\r\nbye: internal error\r\n"
        assert await other_reader.readline() == b"hello\r\n"
        for each in (writer, other_writer):
            each.close()

    meet(tmp_path, Broken, scene)


def test_too_many_connections_are_sent_away(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_CONNECTIONS", 2)

    async def scene(connect):
        pairs = [await connect() for _ in range(3)]
        greetings = [await reader.readline() for reader, _ in pairs]
        assert [greeting[:3] for greeting in greetings] == [b"+OK", b"+OK", b"-ER"]
        assert b"too many" in greetings[2]
        for _, writer in pairs:
            writer.close()

    meet(tmp_path, Pop3, scene)


@pytest.mark.parametrize("readers", [3])
def test_endless_answers_are_shared_fairly_and_kept_small(tmp_path, readers):
    async def scene(connect):
        pairs = [await connect() for _ in range(readers)]
        for reader, _ in pairs[1:]:  # the first never reads
            assert len(await reader.readexactly(3_000_000)) == 3_000_000
        for _, writer in pairs:
            writer.transport.abort()

    meet(tmp_path, Flood, scene)
