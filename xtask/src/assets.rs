//! The site: everything that the program serves as it is, laid out in a folder for `server/build.rs` to
//! embed.
//!
//! ```text
//! <target>/site/{debug,release}/
//!   manifest.txt                    what is in here, see `manifest`
//!   pkg/conference.<hash>.js        pkg/conference.<hash>_bg.wasm        pkg/style.<hash>.css
//!   favicon.svg …                   the files of `public/`
//!   *.br, *.gz                      beside each file that gets smaller by it
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};

use crate::frontend::{self, Bundle};
use crate::hash::short_hash;
use crate::style;
use crate::workspace::{Profile, Workspace};

/// What the browser's code may weigh on the wire, compressed by brotli.
const MAX_WASM_BROTLI_BYTES: u64 = 150_000;

const MANIFEST: &str = "manifest.txt";

/// A site that lies ready in its folder.
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    output_name: String,
}

/// Brings the site up to date: compiles the browser's half, and lays it out with the style and `public/`.
/// Where none of these changed since the last time, the folder stays as it is.
///
/// # Errors
/// If a part does not compile, is missing, or cannot be written.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<Site> {
    let folder = workspace.site(profile);
    let raw = frontend::compile(workspace, profile)?;
    let style = style::bundle(&workspace.root.join("style/main.css"))?;
    let mut public = BTreeMap::new();
    let public_folder = workspace.root.join("public");
    if public_folder.exists() {
        frontend::read_folder(&public_folder, "", &mut public)?;
    }

    let inputs = hash_of_inputs(&raw, &style, &public)?;
    if let Some(site) = Site::open(&folder)
        && site.inputs()? == inputs
    {
        return Ok(site);
    }
    let bundle = frontend::bind(&raw, &folder.with_extension("scratch"))?;
    lay_out(&folder, &inputs, bundle, style, public, profile)?;
    Site::open(&folder).context("the site's manifest is not where it was written")
}

/// Everything that the site is made of, this program included: when it changes, so may its result.
fn hash_of_inputs(raw: &Path, style: &str, public: &BTreeMap<String, Vec<u8>>) -> Result<String> {
    let wasm = fs::read(raw).with_context(|| format!("cannot read {}", raw.display()))?;
    let tool =
        std::env::current_exe().and_then(fs::metadata).context("cannot find this program's own file")?;
    let built = tool.modified().context("this program's file has no date")?;
    let built_ns = built.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_le_bytes();
    let public = public.iter().flat_map(|(path, bytes)| [path.as_bytes(), bytes.as_slice()]);
    Ok(short_hash([built_ns.as_slice(), &wasm, style.as_bytes()].into_iter().chain(public)))
}

fn lay_out(
    folder: &Path,
    inputs: &str,
    bundle: Bundle,
    style: String,
    public: BTreeMap<String, Vec<u8>>,
    profile: Profile,
) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let style_path = format!("pkg/style.{}.css", short_hash([style.as_bytes()]));
    let mut files = public;
    files.extend(bundle.files.into_iter().map(|(path, bytes)| (format!("pkg/{path}"), bytes)));
    files.insert(style_path.clone(), style.into_bytes());

    let mut manifest =
        format!("inputs {inputs}\noutput_name {}\nstyle_path /{style_path}\n", bundle.output_name);
    for (path, bytes) in &files {
        check_name(path)?;
        write(&folder.join(path), bytes)?;
        let brotli = brotli(bytes, profile)?;
        for (ending, compressed) in [("br", brotli), ("gz", gzip(bytes)?)] {
            if compressed.len() < bytes.len() {
                write(&folder.join(format!("{path}.{ending}")), &compressed)?;
            }
        }
        manifest.push_str(&format!("file /{path} {}\n", short_hash([bytes.as_slice()])));
    }
    // Last, so that a folder with a manifest is a whole one.
    write(&folder.join(MANIFEST), manifest.as_bytes())
}

/// The path becomes a route and a line of the manifest: only names that mean nothing in either.
fn check_name(path: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if !path.chars().all(plain) {
        bail!("`{path}` cannot be served: give it a name of letters, digits, `.`, `_` and `-`");
    }
    if path.ends_with(".br") || path.ends_with(".gz") {
        bail!("`{path}` cannot be served: that ending marks a compressed neighbour");
    }
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

fn brotli(bytes: &[u8], profile: Profile) -> Result<Vec<u8>> {
    let quality = match profile {
        Profile::Dev => 5,
        Profile::Release => 11,
    };
    let parameters = brotli::enc::BrotliEncoderParams { quality, lgwin: 22, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters).context("brotli failed")?;
    Ok(compressed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).context("gzip failed")?;
    encoder.finish().context("gzip failed")
}

impl Site {
    /// The site in `folder`, if a whole one is there.
    pub(crate) fn open(folder: &Path) -> Option<Self> {
        let manifest = fs::read_to_string(folder.join(MANIFEST)).ok()?;
        let output_name = manifest.lines().find_map(|line| line.strip_prefix("output_name "))?;
        Some(Self { folder: folder.to_owned(), output_name: output_name.to_owned() })
    }

    fn inputs(&self) -> Result<String> {
        let manifest = self.folder.join(MANIFEST);
        let text =
            fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
        Ok(text.lines().find_map(|line| line.strip_prefix("inputs ")).unwrap_or_default().to_owned())
    }

    /// Raw and brotli bytes of the WebAssembly.
    fn wasm_bytes(&self) -> Result<(u64, u64)> {
        let bytes = |ending: &str| -> Result<u64> {
            let file = self.folder.join(format!("pkg/{}_bg.wasm{ending}", self.output_name));
            Ok(fs::metadata(&file).with_context(|| format!("no {}", file.display()))?.len())
        };
        Ok((bytes("")?, bytes(".br")?))
    }

    /// One line about the weight of the browser's code.
    pub(crate) fn sizes(&self) -> Result<String> {
        let (raw, brotli) = self.wasm_bytes()?;
        Ok(format!("browser's code: {:.0} kB, with brotli {:.1} kB", raw as f64 / 1e3, brotli as f64 / 1e3))
    }

    /// # Errors
    /// If the browser's code is too heavy. Ask it of a release build only.
    pub(crate) fn check_weight(&self) -> Result<()> {
        let (_, brotli) = self.wasm_bytes()?;
        if brotli > MAX_WASM_BROTLI_BYTES {
            bail!("{}, more than {} kB", self.sizes()?, MAX_WASM_BROTLI_BYTES / 1000);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let wasm = vec![0; 10_000];
        let files =
            [("conference.1_bg.wasm".to_owned(), wasm), ("conference.1.js".to_owned(), b"x".to_vec())];
        Bundle { output_name: "conference.1".to_owned(), files: files.into() }
    }

    fn laid_out(folder: &Path, public: &str) -> Result<()> {
        let public = BTreeMap::from([(public.to_owned(), b"x".to_vec())]);
        lay_out(folder, "abc", bundle(), "a{}".to_owned(), public, Profile::Release)
    }

    #[test]
    fn the_manifest_lists_all_files_and_neighbours_stand_where_they_help() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("site");
        laid_out(&folder, "robots.txt").unwrap();

        let manifest = fs::read_to_string(folder.join(MANIFEST)).unwrap();
        let files: Vec<_> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("file ")?.split_once(' '))
            .map(|(path, _)| path)
            .collect();
        assert_eq!(files.len(), 4);
        assert!(files.contains(&"/robots.txt") && files.contains(&"/pkg/conference.1_bg.wasm"), "{files:?}");
        assert!(folder.join("pkg/conference.1_bg.wasm.br").exists());
        assert!(folder.join("pkg/conference.1_bg.wasm.gz").exists());
        assert!(!folder.join("robots.txt.gz").exists());

        let site = Site::open(&folder).unwrap();
        assert_eq!(site.inputs().unwrap(), "abc");
        assert!(site.sizes().unwrap().starts_with("browser's code: 10 kB"));
        site.check_weight().unwrap();
    }

    #[test]
    fn code_that_is_too_heavy_is_told() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("site");
        laid_out(&folder, "robots.txt").unwrap();
        let heavy = vec![0; MAX_WASM_BROTLI_BYTES as usize + 1];
        fs::write(folder.join("pkg/conference.1_bg.wasm.br"), heavy).unwrap();
        assert!(Site::open(&folder).unwrap().check_weight().is_err());
    }

    #[test]
    fn a_name_that_cannot_be_a_route_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["a b.txt", "{id}.txt", "a.gz"] {
            assert!(laid_out(&temp.path().join("site"), name).is_err(), "{name}");
        }
    }

    #[test]
    fn compressed_files_come_back_whole() {
        let text = b"conference ".repeat(100);
        let mut brotlied = Vec::new();
        let compressed = brotli(&text, Profile::Dev).unwrap();
        brotli::BrotliDecompress(&mut compressed.as_slice(), &mut brotlied).unwrap();
        assert_eq!(brotlied, text);
        let mut gzipped = Vec::new();
        let compressed = gzip(&text).unwrap();
        std::io::copy(&mut flate2::read::GzDecoder::new(compressed.as_slice()), &mut gzipped).unwrap();
        assert_eq!(gzipped, text);
    }
}
