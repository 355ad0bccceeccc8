//! The client that a rate limit counts requests for.

use std::net::{IpAddr, Ipv6Addr};

use super::admin;
use super::request::Request;

/// The bits of an IPv6 address that identify a client: providers assign a /64 to each.
const IPV6_NETWORK: u128 = !0 << 64;

/// Returns the client to charge for a request: its IPv4 address, or the /64 network of its IPv6 address. `None` if it is not
/// charged: it has no valid address, or the admin token.
///
/// The address is that of `CF-Connecting-IP`, which the platform sets and clients cannot.
#[must_use]
pub fn client_to_charge(request: &Request<'_>) -> Option<String> {
    let address: IpAddr = request.client_address?.parse().ok()?;
    if request.authorization.is_some() && admin::require(request).is_ok() {
        return None;
    }
    Some(match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK);
            format!("{network}/64")
        }
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
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::", "2001:db8:1:3::/64"),
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
