//! Who the caller is.

use hyper::Method;

use super::client::{send, signed};
use super::server;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

#[tokio::test]
async fn the_caller_is_the_account_of_the_access_key() {
    let server = server().await;
    let mut headers = signed("sts");
    headers.push(("content-type", FORM.to_owned()));
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let posted = send(server.address(), Method::POST, "/", &headers, body).await;
    let got = send(server.address(), Method::GET, &format!("/?{body}"), &signed("sts"), "").await;
    for answer in [posted, got] {
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/xml"));
        let text = answer.text();
        assert!(text.contains("<Arn>arn:aws:iam::123456789012:root</Arn>"), "{text}");
        let id = format!("<RequestId>{}</RequestId>", answer.header("x-amzn-requestid"));
        assert!(text.contains(&id), "{text}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_in_xml() {
    let server = server().await;
    let form = [("content-type", FORM.to_owned())];
    let mut signed_form = signed("sts");
    signed_form.extend(form.clone());
    let post = |headers, body: &'static str| send(server.address(), Method::POST, "/", headers, body);
    let answer = post(&form, "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<Code>MissingAuthenticationToken</Code>"), "{}", answer.text());
    let answer = post(&signed_form, "Action=AssumeRole&Version=2011-06-15").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("Could not find operation AssumeRole for version 2011-06-15"));
    // As before there were other services.
    let answer = post(&signed_form, "some=form").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().starts_with("<AccessDeniedException>"), "{}", answer.text());
    server.stop().await.unwrap();
}
