//! Why a whole file is refused, in a code for programs and in words for people.

use registrar_domain::Locale;

/// What a file looks like that is neither a workbook of Excel nor CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LooksLike {
    /// Nothing at all.
    Empty,
    /// A PDF.
    Pdf,
    /// A text document of Word or another program.
    Document,
    /// Slides.
    Slides,
    /// A workbook as Excel wrote it before 2007.
    Xls,
    /// A binary workbook of Excel.
    Xlsb,
    /// A sheet of LibreOffice or OpenOffice.
    Ods,
    /// A web page, whatever its file name says.
    WebPage,
    /// A picture.
    Picture,
    /// An archive of files.
    Archive,
    /// Something else.
    Unknown,
}

impl LooksLike {
    fn name(self, locale: Locale) -> &'static str {
        locale.pick(match self {
            Self::Empty => ["tệp rỗng", "an empty file", "空文件"],
            Self::Pdf => ["tệp PDF", "a PDF", "PDF 文件"],
            Self::Document => ["văn bản (Word)", "a text document (Word)", "文字文档（Word）"],
            Self::Slides => ["bài trình chiếu", "a presentation", "演示文稿"],
            Self::Xls => ["tệp Excel đời cũ (.xls)", "an old Excel file (.xls)", "旧版 Excel 文件（.xls）"],
            Self::Xlsb => ["tệp Excel nhị phân (.xlsb)", "a binary Excel file (.xlsb)", "二进制 Excel 文件（.xlsb）"],
            Self::Ods => ["tệp OpenDocument (.ods)", "an OpenDocument spreadsheet (.ods)", "OpenDocument 表格（.ods）"],
            Self::WebPage => ["trang web", "a web page", "网页"],
            Self::Picture => ["hình ảnh", "a picture", "图片"],
            Self::Archive => ["tệp nén", "an archive of files", "压缩包"],
            Self::Unknown => ["tệp không rõ loại", "an unknown kind of file", "未知类型的文件"],
        })
    }
}

/// Why a file is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.detail(Locale::En))]
pub enum FileError {
    /// Neither a workbook (.xlsx) nor CSV.
    NotASpreadsheet(LooksLike),
    /// Protected by a password.
    Encrypted,
    /// The workbook holds macros.
    Macros,
    /// The workbook refers to other files or databases.
    ExternalLinks,
    /// It would unpack to far more than a workbook of its kind holds.
    ZipBomb,
    /// Cut off, or not what it declares to be.
    Damaged,
    /// What a sheet holds from this row on cannot be read.
    Unreadable {
        /// The sheet.
        sheet: String,
        /// The first row, from 1, that cannot be read.
        row: u32,
    },
    /// Text in another encoding than UTF-8.
    NotUtf8,
    /// The file is larger than this number of bytes.
    TooLarge(u64),
    /// More rows than this.
    TooManyRows(u32),
    /// More header cells than this.
    TooManyColumns(usize),
    /// No sheet has a row that names the columns.
    NoHeader,
    /// The columns are not those of the template; headers as the file, or for what it lacks the template, has them.
    WrongColumns {
        /// The sheet; empty in a CSV file.
        sheet: String,
        /// Headers that name no column.
        unknown: Vec<String>,
        /// Headers that name a column which another one names too.
        repeated: Vec<String>,
        /// Required columns that are missing, in (vi, en, zh).
        missing: Vec<[String; 3]>,
        /// The columns that there can be, in (vi, en, zh).
        known: Vec<[String; 3]>,
    },
    /// There is a header and nothing under it.
    NoRows,
}

impl FileError {
    /// The stable code of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotASpreadsheet(_) => "not_a_spreadsheet",
            Self::Encrypted => "encrypted",
            Self::Macros => "macros",
            Self::ExternalLinks => "external_links",
            Self::ZipBomb => "zip_bomb",
            Self::Damaged => "damaged",
            Self::Unreadable { .. } => "unreadable",
            Self::NotUtf8 => "not_utf8",
            Self::TooLarge(_) => "too_large",
            Self::TooManyRows(_) => "too_many_rows",
            Self::TooManyColumns(_) => "too_many_columns",
            Self::NoHeader => "header_not_found",
            Self::WrongColumns { .. } => "wrong_columns",
            Self::NoRows => "no_rows",
        }
    }

    /// The reason in words.
    #[must_use]
    pub fn detail(&self, locale: Locale) -> String {
        match self {
            Self::NotASpreadsheet(looks_like) => {
                let name = looks_like.name(locale);
                locale.pick([
                    format!("Đây là {name}. Hãy gửi tệp Excel (.xlsx) hoặc CSV theo mẫu."),
                    format!("This is {name}. Send an Excel file (.xlsx) or CSV made from the template."),
                    format!("这是{name}。请上传按模板填写的 Excel（.xlsx）或 CSV 文件。"),
                ])
            }
            Self::Unreadable { sheet, row } => locale.pick([
                format!("Không đọc được trang “{sheet}” từ dòng {row}. Hãy mở bằng Excel và lưu lại."),
                format!("Sheet “{sheet}” cannot be read from row {row} on. Open it in Excel and save it again."),
                format!("工作表“{sheet}”从第 {row} 行起无法读取。请用 Excel 打开并重新保存。"),
            ]),
            Self::TooLarge(bytes) => {
                let mebibytes = bytes / (1024 * 1024);
                locale.pick([format!("Tệp lớn hơn {mebibytes} MiB."), format!("The file is larger than {mebibytes} MiB."), format!("文件超过 {mebibytes} MiB。")])
            }
            Self::TooManyRows(rows) => locale.pick([
                format!("Có hơn {rows} dòng; hãy chia thành nhiều tệp."),
                format!("There are more than {rows} rows; split the file."),
                format!("超过 {rows} 行，请拆分文件。"),
            ]),
            Self::TooManyColumns(columns) => locale.pick([format!("Có hơn {columns} cột."), format!("There are more than {columns} columns."), format!("超过 {columns} 列。")]),
            Self::WrongColumns { sheet, unknown, repeated, missing, known } => wrong_columns(locale, sheet, unknown, repeated, missing, known),
            _ => self.fixed_detail(locale).to_owned(),
        }
    }

    fn fixed_detail(&self, locale: Locale) -> &'static str {
        locale.pick(match self {
            Self::Encrypted => [
                "Tệp có mật khẩu bảo vệ; hãy bỏ mật khẩu rồi gửi lại.",
                "The file is protected by a password; remove it and send the file again.",
                "文件有密码保护，请取消密码后重新上传。",
            ],
            Self::Macros => {
                ["Tệp chứa macro; hãy lưu lại dưới dạng .xlsx không có macro.", "The file holds macros; save it as .xlsx without macros.", "文件含有宏，请另存为不含宏的 .xlsx。"]
            }
            Self::ExternalLinks => [
                "Tệp liên kết tới tệp hoặc nguồn dữ liệu khác; hãy bỏ các liên kết (Data > Edit Links) rồi gửi lại.",
                "The file refers to other files or data sources; break the links (Data > Edit Links) and send it again.",
                "文件链接到其他文件或数据源，请断开链接（数据 > 编辑链接）后重新上传。",
            ],
            Self::ZipBomb => [
                "Tệp giải nén ra quá lớn; hãy chép dữ liệu vào mẫu mới rồi gửi lại.",
                "The file unpacks to too much; copy the data into a new template and send that.",
                "文件解压后过大，请将数据复制到新模板后重新上传。",
            ],
            Self::NotUtf8 => [
                "Tệp CSV không dùng mã UTF-8; hãy lưu lại dưới dạng “CSV UTF-8”.",
                "The CSV file is not in UTF-8; save it as “CSV UTF-8”.",
                "CSV 文件不是 UTF-8 编码，请另存为“CSV UTF-8”。",
            ],
            Self::NoHeader => {
                ["Không tìm thấy dòng tiêu đề cột của mẫu trong 20 dòng đầu.", "The first 20 rows have no header row of the template.", "前 20 行中未找到模板的表头。"]
            }
            Self::NoRows => ["Tệp không có dòng dữ liệu nào.", "The file has no rows of data.", "文件没有数据行。"],
            _ => [
                "Tệp bị hỏng hoặc không đầy đủ; hãy mở bằng Excel, lưu lại rồi gửi.",
                "The file is damaged or cut off; open it in Excel, save it and send it again.",
                "文件损坏或不完整，请用 Excel 打开并重新保存后上传。",
            ],
        })
    }
}

fn wrong_columns(locale: Locale, sheet: &str, unknown: &[String], repeated: &[String], missing: &[[String; 3]], known: &[[String; 3]]) -> String {
    let names = |names: &[[String; 3]]| names.iter().map(|[vi, en, zh]| locale.pick([vi, en, zh]).as_str()).collect::<Vec<_>>().join(", ");
    let mut sentences = Vec::new();
    if !sheet.is_empty() {
        sentences.push(locale.pick([format!("Trang “{sheet}”."), format!("Sheet “{sheet}”."), format!("工作表“{sheet}”。")]));
    }
    let mut list = |heads: [&str; 3], listed: String| {
        if !listed.is_empty() {
            sentences.push(format!("{}: {listed}.", locale.pick(heads)));
        }
    };
    list(["Cột không có trong mẫu", "Columns that the template does not have", "模板中没有的列"], unknown.join(", "));
    list(["Cột bị lặp lại", "Repeated columns", "重复的列"], repeated.join(", "));
    list(["Thiếu cột bắt buộc", "Missing required columns", "缺少的必填列"], names(missing));
    list(["Các cột của mẫu", "The template's columns", "模板的列"], names(known));
    sentences.join(" ")
}
