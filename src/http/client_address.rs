//! The client that a rate limit counts requests for.

use std::net::IpAddr;

use super::admin;
use super::request::Request;
use crate::text::hex::hex;

/// The bytes of an IPv6 address that identify a client: providers assign a /64 network to each.
const NETWORK_BYTES: usize = 8;

/// Returns the client to charge for a request: its IPv4 address, or the /64 network of its IPv6 address as 16 hexadecimal digits.
/// `None` if it is not charged: it has no valid address, or the admin token.
///
/// The address is that of `CF-Connecting-IP`, which the platform sets and clients cannot.
#[must_use]
pub fn client_to_charge(request: &Request<'_>) -> Option<String> {
    let text = request.client_address?;
    let address: IpAddr = text.parse().ok()?;
    if request.authorization.is_some() && admin::require(request).is_ok() {
        return None;
    }
    Some(match address.to_canonical() {
        // `::ffff:203.0.113.7` is an IPv4 address, too.
        IpAddr::V4(_) => text.rsplit(':').next().unwrap_or(text).to_owned(),
        IpAddr::V6(address) => hex(address.octets().get(..NETWORK_BYTES)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::request::Bindings;
    use super::*;

    fn charged(address: Option<&str>, authorization: Option<&str>) -> Option<String> {
        client_to_charge(&Request {
            client_address: address,
            authorization,
            bindings: Bindings {
                admin_token: Some("secret".into()),
                ..Bindings::default()
            },
            ..Request::default()
        })
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_a_64_bit_ipv6_network() {
        for (address, client) in [
            ("203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "20010db800010002"),
            ("2001:db8:1:2:ffff::", "20010db800010002"),
            ("2001:db8:1:3::", "20010db800010003"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(charged(Some(address), None).as_deref(), Some(client));
        }
    }

    #[test]
    fn without_an_address_or_with_the_admin_token_nobody_is_charged() {
        let address = Some("203.0.113.7");
        assert_eq!(charged(None, None), None);
        assert_eq!(charged(Some("unknown"), None), None);
        assert_eq!(charged(address, Some("Bearer secret")), None);
        assert!(charged(address, Some("Bearer wrong")).is_some());
    }
}
