"""What a vendor does first, through the client generated from openapi.yaml: signs in, reads a filtered list, edits with a
retry on 412, imports with progress, follows a change feed. Ends with an error at the first thing that is not so."""

import datetime
import io
import json
import os
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from registrar_client import AuthenticatedClient, Client
from registrar_client.api.me import identity_me_read
from registrar_client.api.sessions import identity_sessions_create
from registrar_client.api.staff import (
    personnel_staff_changes,
    personnel_staff_imports_create,
    personnel_staff_imports_progress,
    personnel_staff_list,
    personnel_staff_read,
    personnel_staff_update,
)
from registrar_client.models import (
    Import,
    PartialStaff,
    PersonnelStaffImportsCreateMode,
    PersonnelStaffListPosition,
    PersonnelStaffListStatus,
    Problem,
    SignIn,
    Staff,
    StaffPatch,
    StaffStatus,
)
from registrar_client.types import UNSET, File, Response

API = os.environ.get("REGISTRAR_API", "http://127.0.0.1:8080")
T = TypeVar("T")


def success(answer: Response[T | Problem]) -> T:
    """What an answer holds, or the problem as an error."""
    if answer.parsed is None or isinstance(answer.parsed, Problem):
        raise RuntimeError(f"{answer.status_code}: {answer.content.decode()}")
    return answer.parsed


def sign_in() -> AuthenticatedClient:
    anonymous = Client(base_url=API, raise_on_unexpected_status=True)
    wrong = identity_sessions_create.sync(client=anonymous, body=SignIn(tenant="demo", username="head", password="wrong"))
    assert isinstance(wrong, Problem) and wrong.type_ == "urn:registrar:problem:unauthenticated", wrong
    right = SignIn(tenant="demo", username="head", password="Hoi-An-2026")
    session = success(identity_sessions_create.sync_detailed(client=anonymous, body=right))
    return AuthenticatedClient(base_url=API, token=session.access_token, raise_on_unexpected_status=True)


def teachers(client: AuthenticatedClient) -> list[PartialStaff]:
    """Every page of a filtered list."""
    found: list[PartialStaff] = []
    cursor: str | None = ""
    while cursor is not None:
        page = success(
            personnel_staff_list.sync_detailed(
                client=client,
                position=PersonnelStaffListPosition.TEACHER,
                status=PersonnelStaffListStatus.ACTIVE,
                sort="code",
                limit=2,
                cursor=cursor or UNSET,
            )
        )
        found += page.items
        cursor = page.next_cursor or None
    assert len(found) > 2, "more than a page of teachers"
    assert all(teacher.position == "teacher" for teacher in found)
    return found


def edit(client: AuthenticatedClient, staff_id: UUID, change: StaffPatch, meanwhile: Callable[[], object]) -> int:
    """Changes a record whatever others do to it meanwhile; answers how often it had to be sent."""
    for attempt in range(1, 6):
        read = personnel_staff_read.sync_detailed(staff_id, client=client)
        success(read)
        if attempt == 1:
            meanwhile()
        written = personnel_staff_update.sync_detailed(staff_id, client=client, body=change, if_match=read.headers["ETag"])
        if written.status_code != 412:
            success(written)
            return attempt
        assert isinstance(written.parsed, Problem) and written.parsed.errors
        assert [error.pointer for error in written.parsed.errors] == ["/email"], written.parsed
    raise RuntimeError("others change it all the time")


def import_staff(client: AuthenticatedClient, rows: int) -> tuple[int, Import]:
    """Sends a file and follows its progress to the end; answers how many events came, and the last one."""
    header = "code,full_name,birth_date,gender,position,unit_code,started_on"
    lines = [f"PY-{row},Nguyễn Văn An,1990-05-20,male,teacher,HA-17,2024-09-01" for row in range(rows)]
    file = File(payload=io.BytesIO("\n".join([header, *lines]).encode()))
    mode = PersonnelStaffImportsCreateMode.VALID_ROWS
    started = success(personnel_staff_imports_create.sync_detailed(client=client, body=file, mode=mode))
    stream = success(personnel_staff_imports_progress.sync_detailed(started.id, client=client))
    events = [event.split("data: ", 1)[1] for event in stream.split("\n\n") if event]
    return len(events), Import.from_dict(json.loads(events[-1]))


class Mirror:
    """A copy of all staff the account may see, and where its feed goes on."""

    def __init__(self, client: AuthenticatedClient) -> None:
        self.client = client
        self.staff: dict[UUID, Staff] = {}
        self.cursor: str | None = None

    def follow(self) -> None:
        """Reads what changed since the last time."""
        more = True
        while more:
            answer = personnel_staff_changes.sync_detailed(client=self.client, limit=200, cursor=self.cursor or UNSET)
            page = success(answer)
            for record in page.items:
                if record.status == "ended":
                    self.staff.pop(record.id, None)
                else:
                    self.staff[record.id] = record
            self.cursor, more = page.next_cursor, page.more

    def until(self, condition: Callable[[], bool]) -> None:
        """Follows until a condition holds."""
        deadline = time.monotonic() + 30
        self.follow()
        while not condition():
            assert time.monotonic() < deadline, "the change did not arrive"
            self.follow()


def main() -> None:
    client = sign_in()
    me = success(identity_me_read.sync_detailed(client=client))
    print(f"signed in: {me.username}, {', '.join(me.roles)}")

    found = teachers(client)
    print(f"filtered list: {len(found)} teachers")

    staff_id = found[0].id
    assert isinstance(staff_id, UUID)
    colleagues = StaffPatch(email="python@example.edu.vn")
    attempts = edit(
        client,
        staff_id,
        StaffPatch(phone="0905123458"),
        lambda: success(personnel_staff_update.sync_detailed(staff_id, client=client, body=colleagues, if_match="*")),
    )
    assert attempts == 2, "refused once, then taken"
    print(f"edit: taken at attempt {attempts}")

    seen, last = import_staff(client, 120)
    assert (last.state, last.done, last.created, last.failed) == ("done", 120, 120, 0), last
    print(f"import: {last.created} records, {seen} events of progress")

    mirror = Mirror(client)
    mirror.until(lambda: len(mirror.staff) >= len(found) + 120)
    before = len(mirror.staff)
    ended = StaffPatch(status=StaffStatus.ENDED, ended_on=datetime.datetime.now(datetime.UTC).date(), end_reason="Python")
    edit(client, staff_id, ended, lambda: None)
    mirror.until(lambda: staff_id not in mirror.staff)
    assert len(mirror.staff) == before - 1
    print(f"change feed: {before} records, one ended")


main()
