//! The languages that answers to people are written in.

use actix_web::HttpRequest;
use registrar_domain::Locale;

/// The first language of `Accept-Language` (RFC 9110, 12.5.4) that is ours, by weight.
#[must_use]
pub fn locale_of(request: &HttpRequest) -> Locale {
    let header = request.headers().get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best = (Locale::En, 0.0_f32);
    for part in header.split(',').take(20) {
        let mut pieces = part.split(';');
        let tag = pieces.next().unwrap_or_default();
        let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        let Some(locale) = Locale::from_tag(tag) else { continue };
        if weight > best.1 {
            best = (locale, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_heaviest_language_of_ours_is_taken() {
        let of = |header: &str| locale_of(&TestRequest::default().insert_header(("accept-language", header)).to_http_request());
        assert_eq!(of("vi-VN,vi;q=0.9,en;q=0.5"), Locale::Vi);
        assert_eq!(of("fr, zh-CN;q=0.4, en;q=0.3"), Locale::Zh);
        assert_eq!(of("fr"), Locale::En);
        assert_eq!(of(";;;q=x,,"), Locale::En);
    }
}
