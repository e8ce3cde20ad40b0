//! Keys that sign session tokens. They are public and protect nothing.

use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

/// A 2048-bit RSA key: its private part in DER (PKCS #1), its modulus in base64url.
struct Pair {
    private: &'static [u8],
    modulus: &'static str,
}

const PAIRS: [Pair; 3] = [
    Pair {
        private: include_bytes!("keys/1.der"),
        modulus: "s8T1G2coXKdZjJ6XqEBCOYHsGybH0nrUKB7Ig3NRrNTUGo01Deo1aj06N7y3BsPwgW_43u-uI1N7i65mJt0OX2Ty2ScTsOec0vU7wwrL31-QDPA4XCU8MjqmGKbkTyLZZZXCEzVS8UrJ7Lpl7UrviLL168lsuK3bmSNEvF3sbuUk1_SouveqpB8IKe_XjXTo-4xWkbJFiK9UjayY_I4sZI5D4t7apeWwF_atk29mzkNO1n3SvPep7NMZhn2wFi5jgrKuNU97Mf4APKWl_aJuy6siqoF9Yk__W2K4Rtnsxc28MB9LYnQ0hkA4MsWDvxjvWc0-CAcdfIqCQpq_Pf2_mw",
    },
    Pair {
        private: include_bytes!("keys/2.der"),
        modulus: "yvwmdOrk6wodIyLPO6YS9jVypdoY_8JA8jJrx-kuQECuD96KzBc-3Vy9nScG6-bLQwuJQCm8wuIXJNK4n3PQd0Mi1toxplfL0wG_2U01Z_YOY6tkzDa6GpfYw-Wm-B_pXPEZRgcERrVE5RNP2CyOoBE1P2N_E7C6ssRWNUhPWH4c3RwCZNR9ILUhuHScbrMarlC5ldYbS65nqCUEGgBqN8CMsmGM4b_5v1dmsib-VFSlE24qBgJ2OBBHhIMCs3v3DdtExkJe6NpEn1lnaD49MNXfU5ZtTCX1tcsEjs0LE3BE_dK02-R3wH1LBMLTfmtkWB4KNCBEzP67VE-5ma62Bw",
    },
    Pair {
        private: include_bytes!("keys/3.der"),
        modulus: "pkn2r1pxcP2xdvHleC-SYqIXvcx9RWodNdJgFdIyqzfGVgXs5zUYGVlDAlfaiFIMkVvgnG2ANQ9Bs2G7jYTc324tLPMnMxZnpH2Q3PUjv8Y8da6jPqu4KDVa7VlGPtuupIRRslC_uMXiGF3yqRjx1EK5D93344P_XkDZfwo6XyIpG5LzrP40nKbzO_Qz3rA2HtdhSDTIMADhczY4hevoMlTJd6xk65hCFSfb4hMuH4JtaMEWG03kC4emqnBb-x8NWvy-J5H_XRpzgRzN9PTFuK4KK0PyzjpB4E8N3s1pFnsZZlorSySsHJpdCaYWAx2oYP8GRnTzhZJNe7JEpyI96Q",
    },
];

/// A key with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SigningKey {
    pub(crate) id: String,
    /// Which of the pairs.
    pair: usize,
}

impl SigningKey {
    /// The `number`th key since the start; the three keys rotate.
    pub(crate) fn new(id: String, number: usize) -> Self {
        Self { id, pair: number % PAIRS.len() }
    }

    fn pair(&self) -> &'static Pair {
        PAIRS.get(self.pair).unwrap_or(&PAIRS[0])
    }

    /// Signs with it.
    pub(crate) fn private(&self) -> EncodingKey {
        EncodingKey::from_rsa_der(self.pair().private)
    }

    /// Its public part, in the form that a confused verifier would take for a shared secret.
    pub(crate) fn public(&self) -> &'static str {
        self.pair().modulus
    }

    /// Its entry in the list of keys.
    pub(crate) fn published(&self) -> Value {
        json!({
            "use": "sig", "kty": "RSA", "kid": self.id, "alg": "RS256",
            "n": self.pair().modulus, "e": "AQAB",
        })
    }
}
