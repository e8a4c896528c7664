//! Every query that writes enrolments. Each locks the student first, so that the rules between a student's enrolments
//! hold when two write at once, and puts the student where the enrolments say.

use chrono::Days;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::{Access, Action};
use registrar_store::{Connection, StoreError, StoreResult, authored};
use uuid::Uuid;

use super::{
    ending::{Ending, Seat},
    model::{Copied, EnrolmentColumns, EnrolmentInput, EnrolmentRecord, ShownEnrolment, TransferInput, overlap},
    store::{find, of_students},
};
use crate::{
    classes::{
        self,
        model::{ClassRecord, invalid},
    },
    schema::enrolments,
    students::{self, model::StudentRecord},
};

/// A new enrolment: the caller may write in the class, and see the student.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::Conflict`] when the student is in a class on one of
/// these days. The caller runs it in a transaction.
pub async fn create(conn: &mut Connection, access: &Access, input: &EnrolmentInput) -> StoreResult<ShownEnrolment> {
    access.require(Action::StudentsWrite)?;
    input.check(None, access.today)?;
    let class = open_class(conn, access, input).await?;
    let student = students::store::lock(conn, access, input.student_id).await?;
    check_active(&student, input)?;
    check_overlap(conn, access, input, None).await?;
    let id = insert(conn, access, &class, &student, input.columns()).await?;
    spread(conn, access, &student, &[class.id]).await?;
    find(conn, access, id.into()).await
}

async fn open_class(conn: &mut Connection, access: &Access, input: &EnrolmentInput) -> StoreResult<ClassRecord> {
    let class = classes::store::referred(conn, access, input.class_id, Action::StudentsWrite, "/class_id").await?;
    match class.columns.ended_on {
        Some(last) if input.ended_on.is_none_or(|ended| ended > last) => Err(invalid("/class_id", "class_ended", format!("the class ended on {last}"))),
        _ => Ok(class),
    }
}

fn check_active(student: &StudentRecord, input: &EnrolmentInput) -> StoreResult<()> {
    match student.columns.ended_on {
        Some(last) if input.ended_on.is_none_or(|ended| ended > last) => Err(StoreError::State("the student's record has ended")),
        _ if input.enrolled_on < student.columns.birth_date => Err(invalid("/enrolled_on", "not_after", "is before the student's birth")),
        _ => Ok(()),
    }
}

/// Refuses a day on which the student is in another class. `except` is the enrolment being changed.
async fn check_overlap(conn: &mut Connection, access: &Access, input: &EnrolmentInput, except: Option<Uuid>) -> StoreResult<()> {
    let others = of_students(conn, access, vec![input.student_id.into()]).await?;
    let wanted = (input.enrolled_on, input.ended_on);
    let taken = others.iter().any(|other| Some(other.id) != except && overlap(wanted, (other.columns.enrolled_on, other.columns.ending.ended_on)));
    if taken { Err(StoreError::Conflict { constraint: "enrolments_unique_period".into() }) } else { Ok(()) }
}

async fn insert(conn: &mut Connection, access: &Access, class: &ClassRecord, student: &StudentRecord, columns: EnrolmentColumns) -> StoreResult<Uuid> {
    let id = Uuid::now_v7();
    diesel::insert_into(enrolments::table)
        .values((enrolments::id.eq(id), enrolments::tenant_id.eq(Uuid::from(access.tenant)), columns, Copied::of(class, student), authored!(enrolments, &access.author())))
        .execute(conn)
        .await?;
    Ok(id)
}

/// The student goes where the enrolments say; the classes show another size.
async fn spread(conn: &mut Connection, access: &Access, student: &StudentRecord, classes: &[Uuid]) -> StoreResult<()> {
    students::placement::follow_enrolments(conn, access, vec![student.id]).await?;
    let classes: Vec<_> = classes.iter().map(|class| (*class).into()).collect();
    classes::writes::touch(conn, access, &classes).await
}

/// Changes an enrolment from the state in which it was found: its days, and why it ended.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since.
pub async fn update(conn: &mut Connection, access: &Access, found: ShownEnrolment, input: &EnrolmentInput) -> StoreResult<ShownEnrolment> {
    let (before, columns) = (&found.record, input.columns());
    if columns == before.columns {
        return Ok(found);
    }
    input.check(before.columns.ending.end_kind, access.today)?;
    if columns.student_id != before.columns.student_id {
        return Err(invalid("/student_id", "immutable", "an enrolment is of one student"));
    }
    if columns.class_id != before.columns.class_id {
        return Err(invalid("/class_id", "immutable", "another class is another enrolment: transfer the student"));
    }
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        open_class(conn, access, input).await?;
        let student = students::store::lock(conn, access, input.student_id).await?;
        check_active(&student, input)?;
        check_overlap(conn, access, input, Some(before.id)).await?;
        write(conn, access, before, columns.clone()).await?;
        spread(conn, access, &student, &[before.columns.class_id]).await
    })
    .await?;
    find(conn, access, before.id.into()).await
}

async fn write(conn: &mut Connection, access: &Access, before: &EnrolmentRecord, columns: EnrolmentColumns) -> StoreResult<()> {
    let target = enrolments::table.filter(enrolments::id.eq(before.id).and(enrolments::tenant_id.eq(before.tenant_id)).and(enrolments::version.eq(before.version)));
    let statement = diesel::update(target).set((columns, authored!(enrolments, &access.author()))).returning(enrolments::id);
    let written: Option<Uuid> = statement.get_result(conn).await.optional()?;
    written.map(|_| ()).ok_or(StoreError::Stale { current: before.version + 1 })
}

/// Ends the student's open enrolment the day before and begins one in another class; answers the new one. The caller may
/// write in the receiving class, and see the student.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::State`] when the student is in no class. The caller
/// runs it in a transaction.
pub async fn transfer(conn: &mut Connection, access: &Access, transfer: &TransferInput) -> StoreResult<ShownEnrolment> {
    access.require(Action::StudentsWrite)?;
    let open = open_enrolment(conn, access, transfer).await?;
    let locked: Vec<Uuid> = open.iter().map(|open| open.columns.class_id).chain([transfer.to_class_id.into()]).collect();
    classes::store::lock(conn, access, &locked).await?;
    let class = classes::store::referred(conn, access, transfer.to_class_id, Action::StudentsWrite, "/to_class_id").await?;
    if class.columns.ended_on.is_some() {
        return Err(invalid("/to_class_id", "class_ended", "the class has ended"));
    }
    let student = students::store::lock(conn, access, transfer.student_id).await?;
    let Some(open) = open_enrolment(conn, access, transfer).await? else {
        return Err(StoreError::State("the student is in no class: enrol them instead"));
    };
    if !locked.contains(&open.columns.class_id) {
        return Err(StoreError::State("the student was transferred at the same moment: try again"));
    }
    if open.columns.class_id == class.id {
        return Err(invalid("/to_class_id", "same_class", "the student is in this class"));
    }
    let last = transfer.on.checked_sub_days(Days::new(1)).filter(|last| *last >= open.columns.enrolled_on);
    let last = last.ok_or_else(|| invalid("/on", "not_after", "is not after the first day in the present class"))?;
    let ending = Ending::followed(last, (Seat::from(&open.copied), Seat::from(&class.columns)), Some(transfer.reason.clone()));
    let ended = EnrolmentColumns { ending, ..open.columns.clone() };
    write(conn, access, &open, ended).await?;
    let begun = EnrolmentColumns { student_id: student.id, class_id: class.id, enrolled_on: transfer.on, ending: Ending::default() };
    let id = insert(conn, access, &class, &student, begun).await?;
    spread(conn, access, &student, &[open.columns.class_id, class.id]).await?;
    find(conn, access, id.into()).await
}

async fn open_enrolment(conn: &mut Connection, access: &Access, transfer: &TransferInput) -> StoreResult<Option<EnrolmentRecord>> {
    let all = of_students(conn, access, vec![transfer.student_id.into()]).await?;
    Ok(all.into_iter().find(|enrolment| enrolment.columns.ending.ended_on.is_none()))
}
