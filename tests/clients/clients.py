"""Connects with the clients of Python to DATABASE_URL and REDIS_URL, as far as they are set, and prints what became of each:
`NAME: ok`, or why not."""

import asyncio
import os

ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


def psycopg(url):
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute(ENCRYPTED).fetchone()[0]


def asyncpg(url):
    import asyncpg

    async def connect():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(ENCRYPTED)
        finally:
            await connection.close()

    return asyncio.run(connect())


def psycopg2(url):
    import psycopg2

    connection = psycopg2.connect(url)
    cursor = connection.cursor()
    cursor.execute(ENCRYPTED)
    return cursor.fetchone()[0]


def sqlalchemy(driver):
    def connect(url):
        from sqlalchemy import create_engine, text

        with create_engine(url.replace("postgresql://", f"postgresql{driver}://")).connect() as connection:
            return connection.execute(text(ENCRYPTED)).scalar_one()

    return connect


def sqlalchemy_asyncpg(url):
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect():
        engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
        try:
            async with engine.connect() as connection:
                return (await connection.execute(text(ENCRYPTED))).scalar_one()
        finally:
            await engine.dispose()

    return asyncio.run(connect())


def redis_py(url):
    import redis

    return redis.from_url(url).ping()


def celery(url):
    from celery import Celery

    app = Celery("clients", broker=url, backend=url)
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=10)
    app.backend.set("clients", "here")
    return app.backend.get("clients") == b"here"


DATABASES = {
    "psycopg": psycopg,
    "asyncpg": asyncpg,
    "psycopg2": psycopg2,
    "SQLAlchemy": sqlalchemy(""),
    "SQLAlchemy with psycopg2": sqlalchemy("+psycopg2"),
    "SQLAlchemy with asyncpg": sqlalchemy_asyncpg,
}
CACHES = {"redis-py": redis_py, "Celery": celery}

for variable, clients in (("DATABASE_URL", DATABASES), ("REDIS_URL", CACHES)):
    for name, connect in clients.items() if os.environ.get(variable) else ():
        try:
            outcome = "ok" if connect(os.environ[variable]) else "connected without encryption"
        except Exception as error:
            # redis-py gives the reason only in the cause of the error.
            outcome = " ".join(f"{error!r} {error.__cause__ or error.__context__ or ''}".split())
        print(f"{name}: {outcome}", flush=True)
