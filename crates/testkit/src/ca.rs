//! A certificate authority and the leaf it signs. Not one self-signed certificate for both: Python accepts a leaf
//! that is CA:TRUE, rustls refuses it (`CaUsedAsEndEntity`), and the tests need both to agree.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names every leaf carries, beside those asked for.
pub(crate) const DEFAULT_NAMES: &[&str] = &[
    "localhost",
    "127.0.0.1",
    "::1",
    "live.test",
    "*.live.test",
    "twitch.tv",
    "www.twitch.tv",
    "gql.twitch.tv",
    "api.twitch.tv",
    "id.twitch.tv",
    "usher.ttvnw.net",
    "*.playlist.ttvnw.net",
    "*.hls.ttvnw.net",
];

/// A certificate authority on disk.
#[derive(Clone, Debug)]
pub struct Ca {
    dir: PathBuf,
    pem: String,
    key_pem: String,
}

impl Ca {
    /// The one authority all tests of this target directory share, across processes.
    pub fn shared() -> Result<Self> {
        Self::load_or_create(&crate::target_dir().join("testkit-ca"))
    }

    /// The authority kept in `dir`; created when there is none. Safe when several processes race.
    pub fn load_or_create(dir: &Path) -> Result<Self> {
        if !dir.join("ca.pem").is_file() {
            create(dir).with_context(|| format!("creating a test CA in {}", dir.display()))?;
        }
        let read = |name: &str| {
            std::fs::read_to_string(dir.join(name)).with_context(|| format!("reading {name} of the test CA"))
        };
        Ok(Self { dir: dir.to_path_buf(), pem: read("ca.pem")?, key_pem: read("ca.key")? })
    }

    /// The authority's certificate: for `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`, `curl --cacert`.
    pub fn pem_path(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// The authority's certificate as PEM text.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server configuration with a fresh leaf for the default names and `names`.
    pub fn server_config(&self, names: &[&str]) -> Result<Arc<rustls::ServerConfig>> {
        let (leaf, key) = self.leaf(names)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        Ok(Arc::new(config))
    }

    /// A fresh leaf for the default names and `names`, and its key, as PEM: for servers that read files.
    pub fn leaf_pem(&self, names: &[&str]) -> Result<(String, String)> {
        let (leaf, key) = self.leaf(names)?;
        Ok((leaf.pem(), key.serialize_pem()))
    }

    fn leaf(&self, names: &[&str]) -> Result<(Certificate, KeyPair)> {
        let issuer = Issuer::new(ca_params(), KeyPair::from_pem(&self.key_pem)?);
        let all: Vec<String> = DEFAULT_NAMES.iter().chain(names).map(ToString::to_string).collect();
        let mut params = CertificateParams::new(all)?;
        params.distinguished_name.push(DnType::CommonName, "holdfast testkit leaf");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &issuer)?, key))
    }

    /// A client configuration that trusts this authority and nothing else.
    pub fn client_config(&self) -> Result<Arc<rustls::ClientConfig>> {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes())?)?;
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "holdfast testkit CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn create(dir: &Path) -> Result<()> {
    let parent = dir.parent().context("a CA directory has a parent")?;
    std::fs::create_dir_all(parent)?;
    let key = KeyPair::generate()?;
    let cert = ca_params().self_signed(&key)?;
    let fresh = tempfile::Builder::new().prefix(".testkit-ca").tempdir_in(parent)?;
    std::fs::write(fresh.path().join("ca.key"), key.serialize_pem())?;
    std::fs::write(fresh.path().join("ca.pem"), cert.pem())?;
    // An empty directory may already stand there (a test's temp dir); a full one means another process won.
    let fresh = fresh.keep();
    if let Err(error) = std::fs::rename(&fresh, dir) {
        std::fs::remove_dir_all(&fresh)?;
        if !dir.join("ca.pem").is_file() {
            return Err(error.into());
        }
    }
    Ok(())
}
