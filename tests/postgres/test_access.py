"""Principals and producers in PostgreSQL: the suite of the port, and what only a cipher can get wrong."""

import base64
import os
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from bst_application.access import AccessBoard
from bst_application.ports.access import AccessStore, SecretsKeyMissing
from bst_application.ports.audit import AuditEntry
from bst_application.use_cases.administer_access import ProducerChanged
from bst_postgres.access import PostgresAccessStore
from bst_postgres.database import Database
from bst_postgres.secret_cipher import SecretCipher
from bst_testing.conformance.access import AYU, OTA, OWN, AccessStoreConformance, administer
from tests.postgres.test_storage import Storage, audit_trail

KEY, NEWER = (base64.urlsafe_b64encode(os.urandom(32)).decode() for _ in range(2))


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    database = Database(postgres_dsn)
    yield database
    await database.close()


def store_with(database: Database, *keys: str) -> PostgresAccessStore:
    return PostgresAccessStore(database, SecretCipher(keys))


class TestPostgresAccess(AccessStoreConformance):
    @pytest.fixture
    def store(self, database: Database) -> PostgresAccessStore:
        self.database = database
        return store_with(database, KEY)

    async def audited(self, store: AccessStore) -> list[AuditEntry]:
        assert isinstance(store, PostgresAccessStore)
        return await audit_trail(Storage(self.database))

    def without_key(self, store: AccessStore) -> AccessStore:
        assert isinstance(store, PostgresAccessStore)
        return store_with(self.database)


async def _secret_of(store: PostgresAccessStore) -> str | None:
    [producer] = await store.producers()
    return producer.secrets[0].value


async def test_a_dump_of_the_database_shows_no_token_and_no_secret(database: Database) -> None:
    made = await administer(store_with(database, KEY)).add_producer("shop", OTA, reason="x", by=AYU)
    assert isinstance(made, ProducerChanged)
    storage, dump = Storage(database), ""
    async with storage.database.transaction() as connection:
        for table in ("producer", "producer_token", "producer_secret", "audit_log"):
            dump += str(await (await connection.execute(f"select * from {table}".encode())).fetchall())
    assert "shop" in dump
    assert str(made.token) not in dump
    assert str(made.secret) not in dump


async def test_keys_rotate(database: Database) -> None:
    made = await administer(store_with(database, KEY)).add_producer("shop", OTA, reason="x", by=AYU)
    assert isinstance(made, ProducerChanged)
    assert await _secret_of(store_with(database, NEWER)) is None
    both = store_with(database, NEWER, KEY)
    assert await _secret_of(both) == made.secret
    assert await administer(both).encrypt_again(reason="yearly", by=AYU) == 1
    assert await _secret_of(store_with(database, NEWER)) == made.secret
    assert await _secret_of(store_with(database, KEY)) is None
    with pytest.raises(SecretsKeyMissing):
        await administer(store_with(database, KEY)).encrypt_again(reason="slip", by=AYU)


async def test_a_secret_copied_to_another_row_opens_nothing(database: Database) -> None:
    act = administer(store_with(database, KEY))
    await act.add_producer("rogue", OTA, reason="x", by=AYU)
    await act.add_producer("victim", OTA, reason="x", by=AYU)
    async with database.transaction() as connection:
        await connection.execute(
            "update producer_secret set ciphertext = (select ciphertext from producer_secret join producer"
            " using (producer_key) where producer_name = 'rogue')"
            " where producer_key = (select producer_key from producer where producer_name = 'victim')"
        )
    _, victim = await store_with(database, KEY).producers()
    assert (victim.name, victim.secrets[0].value) == ("victim", None)


async def test_a_process_with_the_wrong_key_says_which_producer_it_cannot_check(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    made = await administer(store_with(database, KEY)).add_producer("shop", OTA, reason="x", by=AYU)
    assert isinstance(made, ProducerChanged)
    board = AccessBoard(store_with(database, NEWER), str(uuid4()), OWN)
    await board.refresh()
    await board.refresh()
    assert [record.message for record in caplog.records] == [
        "secrets of the producer shop cannot be opened: BST_SECRETS_KEY must have the key that they were made under"
    ]
    sender = board.sender(str(made.token))
    assert sender is not None
    assert (sender.secrets, sender.all_open) == ((), False)
