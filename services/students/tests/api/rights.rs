//! What follows from a class for its teachers, and what does not.

use registrar_access::Role;
use registrar_testkit::NewAccount;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_homeroom_teacher_reads_the_class_and_its_students_and_nobody_else_s() {
    let world = World::new().await;
    let staff = world.system.new_id();
    let own = world.class("5A1", json!({"homeroom_teacher_id": staff})).await.id();
    let other = world.class("5A2", json!({})).await.id();
    let (mine, theirs) = (world.student("HS001", "Lê Văn An").await.id(), world.student("HS002", "Phạm Thị Bé").await.id());
    world.enrol(mine, own, "2025-09-05").await.status(201);
    let enrolled = world.enrol(theirs, other, "2025-09-05").await.status(201).id();
    let teacher = world.teacher_elsewhere(staff).await;

    assert_eq!(teacher.get(format!("/v1/classes/{own}")).await.ok().at("/size"), 1, "S1-052, S1-053");
    teacher.get(format!("/v1/classes/{other}")).await.problem(404, "not_found");
    for (path, id) in [("classes", own), ("students", mine)] {
        let list = teacher.get(format!("/v1/{path}?count=true")).await.ok();
        assert_eq!((list.at("/items/0/id"), list.at("/total")), (&json!(id), &json!(1)), "{path}");
    }
    assert_eq!(teacher.get(format!("/v1/classes/{own}/students")).await.ok().at("/items/0/full_name"), "Lê Văn An", "S1-055");
    teacher.get(format!("/v1/classes/{other}/students")).await.problem(404, "not_found");
    assert_eq!(teacher.get("/v1/enrolments?count=true").await.ok().at("/total"), 1);
    teacher.get(format!("/v1/enrolments/{enrolled}")).await.problem(404, "not_found");
    teacher.get(format!("/v1/students/{mine}")).await.ok();
    teacher.get(format!("/v1/students/{theirs}")).await.problem(404, "not_found");

    teacher.get(format!("/v1/students/{mine}?sensitive=true")).await.problem(403, "forbidden");
    teacher.patch(format!("/v1/classes/{own}")).header("If-Match", "*").merge(&json!({"name": "5X"})).await.problem(403, "forbidden");
    teacher.patch(format!("/v1/students/{mine}")).header("If-Match", "*").merge(&json!({"full_name": "X"})).await.problem(403, "forbidden");
    teacher.post("/v1/enrolments").json(&json!({"student_id": theirs, "class_id": own, "enrolled_on": "2025-09-05"})).await.problem(403, "forbidden");

    let handed_over = world.head.get(format!("/v1/classes/{own}")).await.ok();
    world.head.patch(format!("/v1/classes/{own}")).if_match(&handed_over).merge(&json!({"homeroom_teacher_id": null})).await.ok();
    teacher.get(format!("/v1/classes/{own}")).await.problem(404, "not_found");
    assert_eq!(teacher.get("/v1/students").await.ok().at("/items"), &json!([]));
}

#[tokio::test]
async fn who_teaches_a_class_today_reads_it_and_its_students_but_not_their_enrolments() {
    let world = World::new().await;
    let staff = world.system.new_id();
    let class = world.class("5A1", json!({})).await.id();
    let student = world.student("HS001", "Lê Văn An").await.id();
    world.enrol(student, class, "2025-09-05").await.status(201);
    let assignment = json!({"staff_id": staff, "class_id": class, "subject": "vn-subject/2018/NN1", "periods_per_week": 4, "from": "2025-09-05", "status": "active"});
    let assignment = world.head.post("/v1/assignments").json(&assignment).await.status(201);
    assert_eq!((assignment.at("/class/name"), assignment.at("/subject")), (&json!("5A1"), &json!("vn-subject/2018/NN1")), "S1-071");
    world
        .head
        .post("/v1/assignments")
        .json(&json!({"staff_id": staff, "class_id": class, "subject": "vn-subject/2018/NN1", "periods_per_week": 4, "from": "2025-09-05", "status": "active"}))
        .await
        .problem(409, "conflict");
    world
        .head
        .post("/v1/assignments")
        .json(&json!({"staff_id": staff, "class_id": class, "subject": "vn-subject/2018/TOAN", "periods_per_week": 41, "from": "2025-09-05", "status": "active"}))
        .await
        .problem(422, "invalid");

    let teacher = world.teacher_elsewhere(staff).await;
    teacher.get(format!("/v1/classes/{class}")).await.ok();
    assert_eq!(teacher.get(format!("/v1/classes/{class}/students")).await.ok().at("/items/0/id"), &json!(student));
    assert_eq!(teacher.get("/v1/enrolments").await.ok().at("/items"), &json!([]));
    assert_eq!(teacher.get("/v1/assignments").await.ok().at("/items/0/id"), &json!(assignment.id()));

    let path = format!("/v1/assignments/{}", assignment.id());
    let ended = world.head.patch(&path).if_match(&assignment).merge(&json!({"status": "ended", "to": "2025-09-14"})).await.ok();
    assert_eq!((ended.at("/status"), ended.at("/version")), (&json!("ended"), &json!(2)));
    teacher.get(format!("/v1/classes/{class}")).await.problem(404, "not_found");
    assert_eq!(world.head.get("/v1/assignments?on=2025-09-10").await.ok().at("/items/0/id"), &json!(assignment.id()), "an ended one stays");
}

#[tokio::test]
async fn a_member_of_staff_who_left_derives_nothing() {
    let world = World::new().await;
    let staff = world.system.new_id();
    world.staff(staff, 1, "Trần Thị Lan").await;
    let class = world.class("5A1", json!({"homeroom_teacher_id": staff})).await.id();
    let teacher = world.teacher_elsewhere(staff).await;
    teacher.get(format!("/v1/classes/{class}")).await.ok();
    world.system.deliver("students", &[world.staff_event(staff, 2, "Trần Thị Lan", "ended")]).await.unwrap();
    teacher.get(format!("/v1/classes/{class}")).await.problem(404, "not_found");
}

#[tokio::test]
async fn grants_narrow_what_is_seen() {
    let world = World::new().await;
    let (class, other) = (world.class("5A1", json!({})).await.id(), world.class("5A2", json!({})).await.id());
    let (first, second) = (world.student("HS001", "Lê Văn An").await.id(), world.student("HS002", "Phạm Thị Bé").await.id());
    world.enrol(first, class, "2025-09-05").await.status(201);
    world.enrol(second, other, "2025-09-05").await.status(201);
    let of_class = NewAccount { class_ids: vec![class], ..NewAccount::new(Role::Clerk, world.school) };
    let clerk = world.system.client_of(&world.system.account_with(of_class).await.unwrap());
    assert_eq!(clerk.get("/v1/students?count=true").await.ok().at("/total"), 1);
    clerk.get(format!("/v1/students/{second}")).await.problem(404, "not_found");
    let teacher = world.system.client_of(&world.system.account(Role::Teacher, world.school).await.unwrap());
    teacher.get("/v1/students").await.problem(403, "forbidden");
    teacher.get(format!("/v1/classes/{class}/students")).await.problem(403, "forbidden");
    let elsewhere = world.system.school("Trường khác").await.unwrap();
    let stranger = world.system.client_of(&world.system.account(Role::HeadTeacher, elsewhere).await.unwrap());
    for path in [format!("/v1/classes/{class}"), format!("/v1/students/{first}"), format!("/v1/classes/{class}/students")] {
        stranger.get(path).await.problem(404, "not_found");
    }
    for path in ["school-years", "classes", "students", "guardians", "enrolments", "assignments"] {
        world.system.client().get(format!("/v1/{path}")).await.problem(401, "unauthenticated");
        stranger.get(format!("/v1/{path}?nope=1")).await.problem(400, "bad_parameter");
    }
}
