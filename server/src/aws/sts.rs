//! AWS STS: who the caller is. The one operation that programs ask before they ask anything else.

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::answer::Answer;
use super::call::Call;
use super::caller::{Caller, caller};
use super::query::{ErrorText, of_protocol};
use super::reception::Reception;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const XML: &str = "text/xml";

/// There are no users here: whoever calls is the account itself, whose id AWS then gives as that of the user.
pub(super) fn get_caller_identity(parts: &Parts, reception: &Reception, request_id: &str) -> Answer {
    let call = Some(Call::GetCallerIdentity);
    match caller(parts, &reception.default_account) {
        Ok(caller) => Answer::text(StatusCode::OK, XML, identity(&caller, request_id)).to(call),
        Err(error) => {
            let (text, status) = of_protocol(&error);
            refused(&text, status, request_id).to(call)
        }
    }
}

fn identity(Caller { account, region }: &Caller, request_id: &str) -> String {
    let partition = region.partition();
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">\n  <GetCallerIdentityResult>\n    \
         <Arn>arn:{partition}:iam::{account}:root</Arn>\n    <UserId>{account}</UserId>\n    \
         <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
    )
}

pub(super) fn refused(error: &ErrorText, status: StatusCode, request_id: &str) -> Answer {
    Answer::text(status, XML, error.to_xml(NAMESPACE, request_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_the_account() {
        let caller =
            Caller { account: "123456789012".parse().unwrap(), region: "us-east-1".parse().unwrap() };
        let xml = identity(&caller, "some-id");
        for part in [
            "<Arn>arn:aws:iam::123456789012:root</Arn>",
            "<UserId>123456789012</UserId>",
            "<Account>123456789012</Account>",
            "<RequestId>some-id</RequestId>",
        ] {
            assert!(xml.contains(part), "{part}");
        }
    }
}
