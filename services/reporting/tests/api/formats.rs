//! The same figures as a table and as a chart.

use registrar_access::Role;
use registrar_domain::UnitKind;
use registrar_testkit::{Api, NewUnit, TestSystem};

use crate::records::{Person, SHE, State, students};

async fn school() -> (TestSystem, Api) {
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let unit = NewUnit { code: Some("=A1".into()), ..NewUnit::new(system.tenant(), UnitKind::Primary, "Trường \"TH\", <Hội An>") };
    let school = system.unit(unit).await.unwrap();
    let child = |gender, grade| (Person { gender, birth_year: 2015, ethnic_group: Some("vn-ethnic/2008/02"), ..SHE }, State { category: grade, ..State::at(school) });
    students(&system, &[child("female", "5"), child("female", "5"), child("male", "4")]).await;
    let api = system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap());
    (system, api)
}

#[tokio::test]
async fn a_table_has_headers_and_values_in_the_readers_language() {
    let (system, api) = school().await;
    let path = "/v1/reports/headcounts?subject=students&by=gender,grade";
    let csv = async |language: &str| api.get(path).header("accept", "text/csv").header("accept-language", language).await.ok();
    let answer = csv("vi").await;
    assert_eq!(answer.text, "\u{feff}Giới tính,Khối lớp,Số lượng\r\nNữ,Khối 5,2\r\nNam,Khối 4,1\r\n");
    assert_eq!((answer.header("content-type"), answer.header("content-language")), (Some("text/csv"), Some("vi")));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"headcounts-students-2025-09-15.csv\""));
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Language"));
    assert_eq!(csv("zh").await.text, "\u{feff}性别,年级,人数\r\n女,5年级,2\r\n男,4年级,1\r\n");
    // Names are texts, whatever a spreadsheet program would make of them.
    let units = api.get("/v1/reports/headcounts?subject=students&format=csv").await.ok();
    assert_eq!(units.text, "\u{feff}Unit code,Unit,Scope,Number\r\n'=A1,\"Trường \"\"TH\"\", <Hội An>\",With units below,3\r\n");
    // Few of them, and the reader may not see who they are.
    let viewer = system.client_of(&system.account(Role::Viewer, system.root_unit()).await.unwrap());
    let hidden = viewer.get("/v1/reports/headcounts?subject=students&by=ethnic_group&format=csv").header("accept-language", "vi").await.ok();
    assert_eq!(hidden.text, "\u{feff}Dân tộc,Số lượng\r\nTày,*\r\n");
}

#[tokio::test]
async fn a_workbook_holds_the_same() {
    let (_system, api) = school().await;
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for path in
        ["headcounts?subject=students&by=unit,gender", "completeness?subject=students&by=unit,field", "completeness?subject=students&by=unit", "identities?subject=students"]
    {
        let answer = api.get(format!("/v1/reports/{path}")).header("accept", xlsx).await.ok();
        assert_eq!(answer.header("content-type"), Some(xlsx));
        assert!(answer.text.starts_with("PK"), "a packed workbook");
        let csv = api.get(format!("/v1/reports/{path}&format=csv")).await.ok();
        assert!(csv.text.starts_with("\u{feff}Unit code,Unit,Scope,") && csv.text.contains("'=A1"), "{}", csv.text);
    }
}

#[tokio::test]
async fn a_chart_is_a_picture_with_words_for_those_who_cannot_see_it() {
    let (_system, api) = school().await;
    for (path, word) in [
        ("headcounts?subject=students&by=grade,gender", "Khối 5: 2"),
        ("headcounts?subject=students&by=unit", "Trường &quot;TH&quot;, &lt;Hội An&gt; (=A1): 3"),
        ("completeness?subject=students", "Niên khoá: 1"),
        ("identities?subject=students", "Chưa xác thực"),
    ] {
        let answer = api.get(format!("/v1/reports/{path}")).header("accept", "image/svg+xml").header("accept-language", "vi").await.ok();
        assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
        assert!(answer.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
        let svg = &answer.text;
        assert!(svg.starts_with("<svg ") && svg.contains("<title id=\"title\">") && svg.contains("<desc id=\"desc\">"));
        assert!(svg.contains(word), "{svg}");
    }
}

#[tokio::test]
async fn a_long_table_goes_on_where_it_ends() {
    let (_system, api) = school().await;
    let path = "/v1/reports/headcounts?subject=students&by=gender,grade&format=csv&limit=1";
    let answer = api.get(path).await.ok();
    assert_eq!(answer.text.lines().count(), 2);
    let next = answer.header("link").unwrap().trim_start_matches('<').split('>').next().unwrap().to_owned();
    let rest = api.get(next).await.ok();
    assert_eq!((rest.text.lines().last(), rest.header("link")), (Some("Male,Grade 4,1"), None));
    let other = api.get("/v1/reports/headcounts?subject=students&by=gender&format=pdf").await.problem(400, "bad_parameter");
    assert_eq!(other.at("/errors/0/pointer"), "format");
}
