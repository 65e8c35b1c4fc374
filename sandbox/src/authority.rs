//! The certificate authorities of this sandbox, in place of Amazon's: a public one, which images trust, and the one
//! of RDS, which clients trust only with Amazon's certificate bundle for RDS. They are created at each start, and
//! only tasks trust them: no browser and no file of this machine does.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// The certificate bundles of images: Debian and Alpine, Alpine's alternative path, Fedora.
const BUNDLES: [&str; 3] = ["etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem", "etc/pki/tls/certs/ca-bundle.crt"];

/// The bundle for RDS in images that stackctl pushes.
const OF_RDS: &str = "etc/stackctl/rds-ca.pem";

/// All authorities of the sandbox.
pub(crate) struct Authorities {
    /// Replaces Amazon's public authority.
    pub(crate) public: Authority,
    /// Replaces Amazon's authority for RDS.
    pub(crate) rds: Authority,
}

impl Authorities {
    /// Creates new authorities.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { public: Authority::new("stackctl sandbox")?, rds: Authority::new("stackctl sandbox RDS")? })
    }

    /// Makes the root file system `root` trust these authorities wherever it trusts Amazon's.
    pub(crate) fn trusted_in(&self, root: &Path) -> io::Result<()> {
        trust(root, self.public.certificate())?;
        let root = root.canonicalize()?;
        // Replaces the contents of the bundle, since none of Amazon's authorities signs for a database here. Other
        // images have no such file and get none. Node.js ignores the image's files and can learn the sandbox's public
        // authority only from this one.
        let both = [self.rds.certificate(), self.public.certificate()].concat();
        match root.join(OF_RDS).canonicalize() {
            Ok(path) if path.starts_with(&root) && path.is_file() => fs::write(path, both),
            _ => Ok(()),
        }
    }
}

/// A certificate authority.
pub(crate) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, both as PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// Creates an authority with this name.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// Returns the certificate of the authority, as PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Issues a certificate for `name`, a host name or an address.
    pub(crate) fn issue(&self, name: &str) -> Result<Issued> {
        self.issue_for(name, &[])
    }

    /// Issues a certificate for `name` and for `others`.
    pub(crate) fn issue_for(&self, name: &str, others: &[&str]) -> Result<Issued> {
        let names = std::iter::once(name).chain(others.iter().copied());
        let mut params = CertificateParams::new(names.map(str::to_owned).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

/// Adds the authority `certificate` to the bundles that the image in `root` already has.
fn trust(root: &Path, certificate: &str) -> io::Result<()> {
    let root = root.canonicalize()?;
    for bundle in BUNDLES {
        // A link of the image may point out of the image, to a file of this machine. Such a link is skipped.
        let Ok(path) = root.join(bundle).canonicalize() else { continue };
        let trusts_already = || fs::read_to_string(&path).is_ok_and(|text| text.contains(certificate));
        if path.starts_with(&root) && path.is_file() && !trusts_already() {
            write!(OpenOptions::new().append(true).open(path)?, "\n{certificate}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issued_certificate_is_valid_for_its_name() {
        let [authority, other] = ["one", "other"].map(|name| Authority::new(name).expect("it is made"));
        let issued = authority.issue("127.0.0.9").expect("it is issued");
        let verified = |root: &Authority, name: &str| {
            use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
            let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is PEM");
            let mut roots = rustls::RootCertStore::empty();
            roots.add(der(root.certificate())).expect("it is an authority");
            let provider = rustls::crypto::aws_lc_rs::default_provider().into();
            let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
            let verifier = verifier.build().expect("there is a root");
            let name = ServerName::try_from(name.to_owned()).expect("it is a name");
            let leaf = der(&issued.certificate);
            rustls::client::danger::ServerCertVerifier::verify_server_cert(
                verifier.as_ref(),
                &leaf,
                &[],
                &name,
                &[],
                UnixTime::now(),
            )
            .is_ok()
        };
        assert!(verified(&authority, "127.0.0.9"));
        assert!(!verified(&authority, "127.0.0.8"), "for its own name only");
        assert!(!verified(&other, "127.0.0.9"), "by its own authority only");
    }

    #[test]
    fn rds_authority_replaces_amazons_bundle_only() {
        let authorities = Authorities::new().expect("they are made");
        let [with, without] = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
        let file = with.path().join(OF_RDS);
        fs::create_dir_all(with.path().join("etc/stackctl")).expect("a folder");
        fs::write(&file, "Amazon's\n").expect("it can be written");
        for root in [with.path(), without.path()] {
            authorities.trusted_in(root).expect("it can be written");
        }
        let known = fs::read_to_string(&file).expect("it is there");
        assert!(known.starts_with(authorities.rds.certificate()) && !known.contains("Amazon's"), "in their place");
        assert!(!without.path().join(OF_RDS).exists());
        assert_ne!(authorities.rds.certificate(), authorities.public.certificate());
    }

    #[test]
    fn authority_is_added_once_and_only_inside_the_image() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let outside = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::create_dir_all(root.path().join("etc/ssl/certs")).expect("a folder");
        let bundle = root.path().join(BUNDLES[0]);
        fs::write(&bundle, "one of the world's\n").expect("it can be written");
        std::os::unix::fs::symlink(outside.path(), root.path().join(BUNDLES[1])).expect("a link");
        for _ in 0..2 {
            trust(root.path(), "ours\n").expect("it can be written");
        }
        assert_eq!(fs::read_to_string(bundle).expect("it is there"), "one of the world's\n\nours\n");
        assert_eq!(fs::read_to_string(outside.path()).expect("it is there"), "");
    }
}
