//! A driverless (eSCL) network scanner on loopback, through libsane's airscan
//! driver: feeder, duplex, faults over HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use image::ImageEncoder;
use outguide::device::scanner::{ScanFault, ScanOrder};
use outguide::profile::{PaperSource, ScanMode};
use outguide::records::page::Side;
use outguide::records::raster::PixelFormat;

use crate::rig::{Rig, mode, order, pixels};

/// 80 × 100 mm at 100 dpi, as ordered.
const WIDTH: u32 = 315;
const HEIGHT: u32 = 394;

/// What the scanner does when asked for the next page.
#[derive(Clone, Copy, PartialEq)]
enum Sheet {
    /// An even gray, to be told apart after JPEG.
    Gray(u8),
    Jam,
    CoverOpen,
}

#[derive(Default)]
struct Feeder {
    /// Next last.
    stack: Vec<Sheet>,
    orders: Vec<String>,
    /// It has come to the sheet it cannot feed: until then its state is good,
    /// whenever the driver asks.
    is_stuck: bool,
}

type Shared = Arc<Mutex<Feeder>>;

/// The simulator, for as long as it is kept.
struct Simulator {
    address: SocketAddr,
    feeder: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl Simulator {
    fn start(sheets: &[Sheet]) -> Simulator {
        let stack = sheets.iter().rev().copied().collect();
        let feeder = Arc::new(Mutex::new(Feeder { stack, ..Feeder::default() }));
        let routes = Router::new()
            .route("/eSCL/ScannerCapabilities", get(async || xml(capabilities())))
            .route("/eSCL/ScannerStatus", get(status))
            .route("/eSCL/ScanJobs", post(begin_job))
            .route("/eSCL/ScanJobs/1/NextDocument", get(next_document))
            .route("/eSCL/ScanJobs/1", delete(async || StatusCode::OK))
            .with_state(Arc::clone(&feeder));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Simulator { address, feeder, _runtime: runtime }
    }

    fn rig(&self) -> Option<Rig> {
        let rig = Rig::with_driver("airscan")?;
        let configuration = format!(
            "[devices]\n\"Archive\" = http://{}/eSCL, eSCL\n[options]\ndiscovery = disable\n",
            self.address
        );
        rig.write("airscan.conf", configuration);
        Some(rig)
    }

    fn orders(&self) -> Vec<String> {
        self.feeder.lock().unwrap().orders.clone()
    }
}

fn xml(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/xml")], body).into_response()
}

async fn status(State(feeder): State<Shared>) -> Response {
    let feeder = feeder.lock().unwrap();
    let adf = match feeder.stack.last() {
        Some(Sheet::Gray(_)) => "ScannerAdfLoaded",
        Some(Sheet::Jam | Sheet::CoverOpen) if !feeder.is_stuck => "ScannerAdfLoaded",
        Some(Sheet::Jam) => "ScannerAdfJam",
        Some(Sheet::CoverOpen) => "ScannerAdfDoorOpen",
        None => "ScannerAdfEmpty",
    };
    xml(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<scan:ScannerStatus xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03"
 xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm"><pwg:Version>2.6</pwg:Version>
<pwg:State>Idle</pwg:State><scan:AdfState>{adf}</scan:AdfState></scan:ScannerStatus>"#
    ))
}

async fn begin_job(State(feeder): State<Shared>, order: String) -> Response {
    let mut feeder = feeder.lock().unwrap();
    feeder.orders.push(order);
    match feeder.stack.last() {
        Some(_) => (StatusCode::CREATED, [(header::LOCATION, "/eSCL/ScanJobs/1")]).into_response(),
        None => StatusCode::CONFLICT.into_response(),
    }
}

/// No feeder has its sheets through before the driver asks for the first; on a
/// busy machine a driver handed all of them at once says that there was none.
const A_SHEET: Duration = Duration::from_millis(40);

async fn next_document(State(feeder): State<Shared>) -> Response {
    tokio::time::sleep(A_SHEET).await;
    let mut feeder = feeder.lock().unwrap();
    match feeder.stack.last().copied() {
        Some(Sheet::Gray(level)) => {
            feeder.stack.pop();
            let in_color = feeder.orders.last().is_some_and(|order| order.contains("RGB24"));
            ([(header::CONTENT_TYPE, "image/jpeg")], jpeg(level, in_color)).into_response()
        }
        Some(Sheet::Jam | Sheet::CoverOpen) => {
            feeder.is_stuck = true;
            StatusCode::CONFLICT.into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn jpeg(level: u8, in_color: bool) -> Vec<u8> {
    let (channels, color) = if in_color {
        (3, image::ExtendedColorType::Rgb8)
    } else {
        (1, image::ExtendedColorType::L8)
    };
    let samples = vec![level; WIDTH as usize * HEIGHT as usize * channels];
    let mut file = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut file)
        .write_image(&samples, WIDTH, HEIGHT, color)
        .unwrap();
    file
}

/// What one even-gray page became.
fn level(page: outguide::device::scanner::ScannedImage) -> u8 {
    let page = pixels(page);
    page.row(page.height() / 2)[10].div_ceil(10) * 10
}

const DEVICE: &str = "airscan:e0:Archive";

fn feeder(source: PaperSource) -> ScanOrder {
    order(source)
}

#[test]
fn a_driverless_feeder_delivers_its_sheets_and_its_end() {
    let simulator = Simulator::start(&[Sheet::Gray(50), Sheet::Gray(100), Sheet::Gray(150)]);
    let Some(rig) = simulator.rig() else { return };
    let (images, fault) = rig.all(DEVICE, &feeder(PaperSource::Feeder));
    assert_eq!(fault, None);
    assert_eq!(images.into_iter().map(level).collect::<Vec<_>>(), [50, 100, 150]);
    let order = &simulator.orders()[0];
    assert!(order.contains("Feeder") && order.contains("Grayscale8"), "{order}");
}

#[test]
fn a_driverless_duplex_feeder_delivers_fronts_and_backs() {
    let simulator = Simulator::start(&[50, 100, 150, 200].map(Sheet::Gray));
    let Some(rig) = simulator.rig() else { return };
    let order = mode(feeder(PaperSource::FeederDuplex), ScanMode::Color);
    let (images, fault) = rig.all(DEVICE, &order);
    let places: Vec<_> = images.iter().map(|image| (image.sheet, image.side)).collect();
    let (front, back) = (Side::Front, Side::Back);
    assert_eq!((places, fault), (vec![(1, front), (1, back), (2, front), (2, back)], None));
    let page = pixels(images.into_iter().next().unwrap());
    assert_eq!(page.format(), PixelFormat::Rgb8);
    let order = &simulator.orders()[0];
    assert!(order.contains("<scan:Duplex>true"), "{order}");
}

#[test]
fn faults_of_a_driverless_feeder_keep_their_names() {
    for (sheet, fault) in [(Sheet::Jam, ScanFault::Jam), (Sheet::CoverOpen, ScanFault::CoverOpen)] {
        let simulator = Simulator::start(&[Sheet::Gray(50), sheet]);
        let Some(rig) = simulator.rig() else { return };
        let (images, stopped) = rig.all(DEVICE, &feeder(PaperSource::Feeder));
        assert_eq!((images.len(), stopped), (1, Some(fault)));
    }
}

#[test]
fn an_empty_driverless_feeder_is_named() {
    let simulator = Simulator::start(&[]);
    let Some(rig) = simulator.rig() else { return };
    let (images, fault) = rig.all(DEVICE, &feeder(PaperSource::Feeder));
    assert_eq!((images.len(), fault), (0, Some(ScanFault::FeederEmpty)));
}

/// A feeder, one side or both, gray or colour, at 100 and 300 dpi.
fn capabilities() -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<scan:ScannerCapabilities xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03"
 xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm">
<pwg:Version>2.6</pwg:Version>
<pwg:MakeAndModel>Outguide driverless</pwg:MakeAndModel>
<pwg:SerialNumber>1</pwg:SerialNumber>
<scan:Adf>
<scan:AdfSimplexInputCaps>{EACH_SIDE}</scan:AdfSimplexInputCaps>
<scan:AdfDuplexInputCaps>{EACH_SIDE}</scan:AdfDuplexInputCaps>
</scan:Adf>
</scan:ScannerCapabilities>"#
    )
}

const EACH_SIDE: &str = "\
<scan:MinWidth>16</scan:MinWidth><scan:MaxWidth>2550</scan:MaxWidth>
<scan:MinHeight>16</scan:MinHeight><scan:MaxHeight>4200</scan:MaxHeight>
<scan:MaxScanRegions>1</scan:MaxScanRegions>
<scan:SettingProfiles><scan:SettingProfile>
<scan:ColorModes><scan:ColorMode>Grayscale8</scan:ColorMode>
<scan:ColorMode>RGB24</scan:ColorMode></scan:ColorModes>
<scan:DocumentFormats><pwg:DocumentFormat>image/jpeg</pwg:DocumentFormat>
<scan:DocumentFormatExt>image/jpeg</scan:DocumentFormatExt></scan:DocumentFormats>
<scan:SupportedResolutions><scan:DiscreteResolutions>
<scan:DiscreteResolution><scan:XResolution>100</scan:XResolution>
<scan:YResolution>100</scan:YResolution></scan:DiscreteResolution>
<scan:DiscreteResolution><scan:XResolution>300</scan:XResolution>
<scan:YResolution>300</scan:YResolution></scan:DiscreteResolution>
</scan:DiscreteResolutions></scan:SupportedResolutions>
</scan:SettingProfile></scan:SettingProfiles>";
