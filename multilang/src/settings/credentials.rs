//! Names of Java classes that find credentials, as what they find.

use millstream_client::aws::{CredentialsFrom, Keys, Role};

use crate::java::SystemProperties;

/// A list of classes, each with arguments behind bars: `Class|argument|name=value`. Also gives what was wrong with those
/// that are passed over, as KCL passes over them where another one is left.
pub(super) fn parse(text: &str, system: &SystemProperties) -> Result<(CredentialsFrom, Vec<String>), String> {
    let classes = text.split(',').map(str::trim).filter(|class| !class.is_empty());
    let (mut sources, mut wrong) = (Vec::new(), Vec::new());
    for class in classes {
        match source(class, system) {
            Ok(source) => sources.push(source),
            Err(reason) => wrong.push(reason),
        }
    }
    match sources.len() {
        0 if wrong.is_empty() => Err("it names no class".to_owned()),
        0 => Err(wrong.join("; ")),
        1 => Ok((sources.remove(0), wrong)),
        _ => Ok((CredentialsFrom::FirstOf(sources), wrong)),
    }
}

fn source(text: &str, system: &SystemProperties) -> Result<CredentialsFrom, String> {
    let mut parts = text.split('|');
    let class = parts.next().unwrap_or_default();
    let arguments: Vec<&str> = parts.collect();
    // Packages tell versions of the SDK apart, which mean the same.
    let name = class.rsplit('.').next().unwrap_or_default();
    Ok(match name {
        "DefaultCredentialsProvider"
        | "DefaultAWSCredentialsProviderChain"
        | "DefaultAwsCredentialsProviderChain" => CredentialsFrom::Anywhere,
        "EnvironmentVariableCredentialsProvider" => CredentialsFrom::Environment,
        "SystemPropertyCredentialsProvider" | "SystemPropertiesCredentialsProvider" => of_system(system)?,
        "ProfileCredentialsProvider" => {
            // One argument is the profile's name, the second of two.
            CredentialsFrom::Profile(arguments.last().map(|name| (*name).to_owned()))
        }
        "WebIdentityTokenFileCredentialsProvider" | "WebIdentityTokenCredentialsProvider" => {
            CredentialsFrom::WebIdentity
        }
        "ContainerCredentialsProvider" => CredentialsFrom::Container,
        "EC2ContainerCredentialsProviderWrapper" => {
            CredentialsFrom::FirstOf(vec![CredentialsFrom::Container, CredentialsFrom::InstanceMetadata])
        }
        "InstanceProfileCredentialsProvider" => CredentialsFrom::InstanceMetadata,
        "StaticCredentialsProvider" | "KclStaticCredentialsProvider" | "BasicAWSCredentialsProvider" => {
            let [id, secret] = arguments[..] else {
                return Err(format!("{name} has two arguments: {name}|key id|secret"));
            };
            keys(id, secret, None)
        }
        "StsAssumeRoleCredentialsProvider"
        | "KclStsAssumeRoleCredentialsProvider"
        | "STSAssumeRoleSessionCredentialsProvider"
        | "KclSTSAssumeRoleSessionCredentialsProvider" => CredentialsFrom::Role(role(name, &arguments)?),
        _ => {
            return Err(format!(
                "{class} is not known here; known are DefaultCredentialsProvider, EnvironmentVariableCredentialsProvider, \
                 SystemPropertyCredentialsProvider, ProfileCredentialsProvider, WebIdentityTokenFileCredentialsProvider, \
                 ContainerCredentialsProvider, InstanceProfileCredentialsProvider, StaticCredentialsProvider and \
                 StsAssumeRoleCredentialsProvider"
            ));
        }
    })
}

fn keys(id: &str, secret: &str, session_token: Option<&str>) -> CredentialsFrom {
    let session_token = session_token.map(str::to_owned);
    CredentialsFrom::Keys(Keys { id: id.to_owned(), secret: secret.to_owned(), session_token })
}

/// What `-D` says on a command line for Java.
fn of_system(system: &SystemProperties) -> Result<CredentialsFrom, String> {
    let get = |name: &str| system.get(name).map(String::as_str);
    let secret = get("aws.secretAccessKey").or_else(|| get("aws.secretKey"));
    match (get("aws.accessKeyId"), secret) {
        (Some(id), Some(secret)) => Ok(keys(id, secret, get("aws.sessionToken"))),
        _ => {
            Err("there is no -Daws.accessKeyId=… and -Daws.secretAccessKey=… on the command line".to_owned())
        }
    }
}

/// `arn|session name`, then `externalId=…`, `endpoint=url^region` and `endpointRegion=…` in any order.
fn role(name: &str, arguments: &[&str]) -> Result<Role, String> {
    let [arn, session_name, more @ ..] = arguments else {
        return Err(format!("{name} has two arguments: {name}|role's ARN|session name"));
    };
    let mut role =
        Role { arn: (*arn).to_owned(), session_name: (*session_name).to_owned(), ..Role::default() };
    for argument in more {
        match argument.split_once('=') {
            Some(("externalId", id)) => role.external_id = Some(id.to_owned()),
            Some(("endpointRegion", region)) => role.region = Some(region.to_owned()),
            Some(("endpoint", value)) => {
                let (url, region) = value
                    .split_once('^')
                    .ok_or_else(|| format!("{name}: an endpoint is written as URL^region, not {value:?}"))?;
                let is_whole = url.starts_with("http://") || url.starts_with("https://");
                role.endpoint_url = Some(if is_whole { url.to_owned() } else { format!("https://{url}") });
                role.region = Some(region.to_owned());
            }
            _ => {
                return Err(format!(
                    "{name}: {argument:?} is not known; there are externalId, endpoint and endpointRegion"
                ));
            }
        }
    }
    Ok(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<CredentialsFrom, String> {
        parse(text, &SystemProperties::default()).map(|(from, _)| from)
    }

    #[test]
    fn what_is_not_known_is_passed_over_where_something_else_is_left() {
        let text = "com.acme.MyProvider,DefaultCredentialsProvider";
        let (from, wrong) = parse(text, &SystemProperties::default()).unwrap();
        assert_eq!(from, CredentialsFrom::Anywhere);
        assert!(wrong.len() == 1 && wrong[0].contains("com.acme.MyProvider"), "{wrong:?}");
    }

    #[test]
    fn class_names_of_both_sdks_are_known() {
        for name in [
            "DefaultCredentialsProvider",
            "DefaultAWSCredentialsProviderChain",
            "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
            "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
        ] {
            assert_eq!(parsed(name), Ok(CredentialsFrom::Anywhere), "{name}");
        }
        assert_eq!(
            parsed("EnvironmentVariableCredentialsProvider, ProfileCredentialsProvider|dev"),
            Ok(CredentialsFrom::FirstOf(vec![
                CredentialsFrom::Environment,
                CredentialsFrom::Profile(Some("dev".to_owned()))
            ]))
        );
        assert_eq!(parsed("StaticCredentialsProvider|a|b"), Ok(keys("a", "b", None)));
    }

    #[test]
    fn a_role_has_its_arguments() {
        let text = "StsAssumeRoleCredentialsProvider|arn:aws:iam::1:role/r|me|externalId=e|endpoint=sts.local^eu-west-1";
        let expected = Role {
            arn: "arn:aws:iam::1:role/r".to_owned(),
            session_name: "me".to_owned(),
            external_id: Some("e".to_owned()),
            endpoint_url: Some("https://sts.local".to_owned()),
            region: Some("eu-west-1".to_owned()),
        };
        assert_eq!(parsed(text), Ok(CredentialsFrom::Role(expected)));
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, part) in [
            ("org.example.MyProvider", "org.example.MyProvider"),
            ("StaticCredentialsProvider|a", "two arguments"),
            ("StsAssumeRoleCredentialsProvider|arn", "two arguments"),
            ("StsAssumeRoleCredentialsProvider|arn|s|foo=bar", "foo=bar"),
            ("StsAssumeRoleCredentialsProvider|arn|s|endpoint=x", "URL^region"),
            ("SystemPropertiesCredentialsProvider", "-Daws.accessKeyId"),
            (" , ", "no class"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn keys_on_the_command_line_are_found() {
        let system = [("aws.accessKeyId", "id"), ("aws.secretKey", "secret")];
        let system = system.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let found = parse("SystemPropertyCredentialsProvider", &system);
        assert_eq!(found, Ok((keys("id", "secret", None), Vec::new())));
    }
}
