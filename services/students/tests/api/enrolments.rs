//! Students and their enrolments.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_student_is_entered_read_changed_and_ended() {
    let world = World::new().await;
    let mut body = world.student_body("HS001", "Nguyễn Thị Thuý");
    body["personal_number"] = json!("049315000001");
    let student = world.head.post("/v1/students").header("Idempotency-Key", "k1").json(&body).await.status(201);
    let again = world.head.post("/v1/students").header("Idempotency-Key", "k1").json(&body).await.status(201);
    assert_eq!(student.id(), again.id());
    assert_eq!(student.at("/full_name"), "Nguyễn Thị Thuý", "S1-055");
    assert_eq!(student.at("/code"), "HS001", "S1-057");
    assert_eq!(student.at("/birth_date"), "2015-03-01", "S1-058");
    assert_eq!(student.at("/gender"), "female", "S1-059");
    assert!(!student.text.contains("049315000001"), "S1-056 is masked");
    let path = format!("/v1/students/{}", student.id());
    assert_eq!(world.head.get(format!("{path}?sensitive=true")).await.ok().at("/personal_number"), "049315000001", "S1-056");
    assert_eq!(world.head.get("/v1/students?q=thuy nguyen").await.ok().at("/items/0/id"), &json!(student.id()));

    world.head.post("/v1/students").json(&world.student_body("HS001", "Khác")).await.problem(409, "conflict");
    body["code"] = json!("HS002");
    world.head.post("/v1/students").json(&body).await.problem(409, "conflict");
    body["gender"] = json!("male");
    world.head.post("/v1/students").json(&body).await.problem(422, "invalid");

    let class = world.class("5A1", json!({})).await.id();
    world.enrol(student.id(), class, "2025-09-05").await.status(201);
    let enrolled = world.head.get(&path).await.ok();
    assert_eq!(enrolled.at("/class"), &json!({"id": class, "name": "5A1"}), "S1-062");
    assert_eq!((enrolled.at("/education_level"), enrolled.at("/version")), (&json!("TH"), &json!(2)));
    world.head.patch(&path).if_match(&enrolled).merge(&json!({"unit_id": world.system.root_unit()})).await.problem(422, "invalid");
    let end = json!({"status": "ended", "ended_on": "2025-09-12", "end_reason": "chuyển đi tỉnh khác", "end_kind": "school_transfer"});
    let ended = world.head.patch(&path).if_match(&enrolled).merge(&end).await.ok();
    assert_eq!((ended.at("/status"), ended.at("/class")), (&json!("ended"), &json!(null)));
    let enrolment = world.head.get(format!("/v1/enrolments?student_id={}", student.id())).await.ok();
    assert_eq!(enrolment.at("/items/0/ended_on"), "2025-09-12", "the end of the record ends the enrolment");
    assert_eq!(enrolment.at("/items/0/end_kind"), "school_transfer", "and says how");
    assert_eq!(world.head.get(format!("/v1/classes/{class}")).await.ok().at("/size"), 0, "S1-052");
    assert!(world.head.get(format!("{path}/history")).await.ok().text.contains("chuyển đi tỉnh khác"));
}

#[tokio::test]
async fn no_student_is_in_two_classes_on_one_day() {
    let world = World::new().await;
    let (first, second) = (world.class("5A1", json!({})).await.id(), world.class("5A2", json!({})).await.id());
    let student = world.student("HS001", "Lê Văn An").await.id();
    world.enrol(student, first, "2025-09-05").await.status(201);
    world.enrol(student, second, "2025-09-10").await.problem(409, "conflict");
    let closed =
        |from: &str, to: &str| json!({"student_id": student, "class_id": second, "enrolled_on": from, "ended_on": to, "end_kind": "class_move", "end_reason": "chuyển lớp"});
    world.head.post("/v1/enrolments").json(&closed("2025-09-01", "2025-09-05")).await.problem(409, "conflict");
    let past = world.head.post("/v1/enrolments").json(&closed("2025-09-01", "2025-09-04")).await.status(201);
    world.head.patch(format!("/v1/enrolments/{}", past.id())).if_match(&past).merge(&json!({"ended_on": "2025-09-08"})).await.problem(409, "conflict");
    world.head.patch(format!("/v1/enrolments/{}", past.id())).if_match(&past).merge(&json!({"class_id": first})).await.problem(422, "invalid");
    let on = |day: &str| format!("/v1/classes/{second}/students?on={day}");
    assert_eq!(world.head.get(on("2025-09-02")).await.ok().at("/items/0/id"), &json!(student));
    assert_eq!(world.head.get(on("2025-09-05")).await.ok().at("/items"), &json!([]));
    let other = world.student("HS002", "Phạm Thị Bé").await.id();
    let (one, two) = tokio::join!(world.enrol(other, first, "2025-09-05"), world.enrol(other, second, "2025-09-05"));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "also when both come at once");
}

#[tokio::test]
async fn a_transfer_keeps_the_past() {
    let world = World::new().await;
    let (from, to) = (world.class("5A1", json!({})).await.id(), world.class("5A2", json!({})).await.id());
    let student = world.student("HS001", "Lê Văn An").await.id();
    world.enrol(student, from, "2025-09-05").await.status(201);
    let transfer = |on: &str, class| json!({"student_id": student, "to_class_id": class, "on": on, "reason": "chuyển lớp theo nguyện vọng"});
    world.head.post("/v1/enrolments/transfers").json(&transfer("2025-09-05", to)).await.problem(422, "invalid");
    world.head.post("/v1/enrolments/transfers").json(&transfer("2025-09-15", from)).await.problem(422, "invalid");
    let begun = world.head.post("/v1/enrolments/transfers").header("Idempotency-Key", "t1").json(&transfer("2025-09-15", to)).await.status(201);
    assert_eq!(begun.at("/class/name"), "5A2", "S1-062");
    world.head.post("/v1/enrolments/transfers").header("Idempotency-Key", "t1").json(&transfer("2025-09-15", to)).await.status(201);

    let all = world.head.get(format!("/v1/enrolments?student_id={student}&fields=*&count=true")).await.ok();
    assert_eq!(all.at("/total"), 2);
    assert_eq!((all.at("/items/0/class/id"), all.at("/items/0/ended_on")), (&json!(from), &json!("2025-09-14")));
    assert_eq!((all.at("/items/0/end_kind"), all.at("/items/0/end_reason")), (&json!("class_move"), &json!("chuyển lớp theo nguyện vọng")));
    assert_eq!((all.at("/items/1/id"), all.at("/items/1/ended_on")), (&json!(begun.id()), &json!(null)));
    assert_eq!(world.head.get(format!("/v1/students/{student}")).await.ok().at("/class/id"), &json!(to));
    let past = world.head.get(format!("/v1/classes/{from}/students?on=2025-09-14")).await.ok();
    assert_eq!(past.at("/items/0/id"), &json!(student), "nothing vanishes");
    assert!(!past.text.contains("unit_id") && !past.text.contains("5A2"), "where they are now is not the old class's to tell");
    assert_eq!(world.head.get(format!("/v1/classes/{from}")).await.ok().at("/size"), 0, "S1-052");
    assert_eq!(world.head.get(format!("/v1/enrolments?class_id={from}&on=2025-09-10&count=true")).await.ok().at("/total"), 1);
    let idle = world.student("HS002", "Phạm Thị Bé").await.id();
    world.head.post("/v1/enrolments/transfers").json(&json!({"student_id": idle, "to_class_id": to, "on": "2025-09-15", "reason": "x"})).await.problem(409, "state");
}

#[tokio::test]
async fn what_a_class_or_a_student_corrects_follows_in_the_enrolments() {
    let world = World::new().await;
    let class = world.class("4A1", json!({"grade": 4})).await;
    let student = world.student("HS001", "Lê Văn An").await;
    let enrolment = world.enrol(student.id(), class.id(), "2025-09-05").await.status(201);
    let now = world.head.get(format!("/v1/classes/{}", class.id())).await.ok();
    world.head.patch(format!("/v1/classes/{}", class.id())).if_match(&now).merge(&json!({"grade": 5, "name": "5A1"})).await.ok();
    let after = world.head.get(format!("/v1/enrolments/{}", enrolment.id())).await.ok();
    assert_eq!((after.at("/grade"), after.at("/class/name")), (&json!(5), &json!("5A1")), "S1-050");
    world.head.patch(format!("/v1/students/{}", student.id())).header("If-Match", "*").merge(&json!({"gender": "male"})).await.ok();
    assert!(world.head.get(format!("/v1/enrolments/{}/history", enrolment.id())).await.ok().text.contains("\"male\""));
}

#[tokio::test]
async fn nobody_is_left_in_a_class_that_ends_at_the_same_moment() {
    let world = World::new().await;
    for turn in 0..8 {
        let class = world.class(&format!("5A{turn}"), json!({})).await;
        let student = world.student(&format!("HS{turn:03}"), "Lê Văn An").await.id();
        let path = format!("/v1/classes/{}", class.id());
        let ending = async { world.head.patch(&path).if_match(&class).merge(&json!({"status": "ended", "ended_on": "2025-09-12", "end_reason": "gộp lớp"})).await };
        let (ended, enrolled) = tokio::join!(ending, world.enrol(student, class.id(), "2025-09-05"));
        assert!(ended.status != 200 || enrolled.status != 201, "turn {turn}: {} and {}", ended.status, enrolled.status);
    }
}
