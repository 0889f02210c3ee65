"""POST /users/ in the way of the tutorial that neodyme reimplements: FastAPI, SQLAlchemy, argon2-cffi."""

import os
import uuid
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from fastapi import FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, EmailStr
from sqlalchemy import String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"])
sessions = async_sessionmaker(engine, expire_on_commit=False)
hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String, primary_key=True)
    email: Mapped[str] = mapped_column(String, unique=True)
    full_name: Mapped[str] = mapped_column(String)
    password_hash: Mapped[str] = mapped_column(String)


class NewUser(BaseModel):
    email: EmailStr
    full_name: str
    password: str


@asynccontextmanager
async def lifespan(_):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/users/", status_code=201)
async def register(user: NewUser):
    async with sessions() as session:
        if await session.scalar(select(User.id).where(User.email == user.email)):
            raise HTTPException(409)
        password_hash = await run_in_threadpool(hasher.hash, user.password)
        row = User(id=str(uuid.uuid4()), email=user.email, full_name=user.full_name, password_hash=password_hash)
        session.add(row)
        try:
            await session.commit()
        except IntegrityError as error:
            raise HTTPException(409) from error
    return {"id": row.id, "email": row.email, "full_name": row.full_name}
