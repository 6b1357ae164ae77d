//! The simple handshake of RFC 8448 section 3: its hellos, its traffic secrets, its application data.

use super::{TestPiece, feed, keys};
use crate::model::{Direction, PerDirection};

const CLIENT_HELLO: &str = "16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113\
    031302010000910000000b0009000006736572766572ff01000100000a00140012001d001700180019010001010102010301040023000000330026\
    0024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e0403050306030203\
    08040805080604010501060102010402050206020202002d00020101001c00024001";
const SERVER_HELLO: &str = "160303005a020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e0033\
    0024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304";
const CLIENT_DATA: &str = "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a\
    6292a2977014bd1e3deae63aeebb21694915e4";
const SERVER_DATA: &str = "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8fcc49c4bf2\
    e5f0a21c0047c2abf332540dd032e167c2955d";
const LOG: &str = "\
    CLIENT_TRAFFIC_SECRET_0 cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 \
    9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5\n\
    SERVER_TRAFFIC_SECRET_0 cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 \
    a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";

#[test]
fn its_application_data_is_read_and_the_ticket_before_it_is_missed() {
    use Direction::{ClientToServer, ServerToClient};
    let bytes = |direction, digits: &str| TestPiece::Bytes(direction, hex::decode(digits).unwrap());
    let pieces = [
        bytes(ClientToServer, CLIENT_HELLO),
        bytes(ServerToClient, SERVER_HELLO),
        bytes(ClientToServer, CLIENT_DATA),
        // The server's encrypted handshake, and a record of 227 bytes with a session ticket.
        TestPiece::Gap(ServerToClient, 679 + 227),
        bytes(ServerToClient, SERVER_DATA),
    ];
    let (stream, out) = feed(&keys(LOG), &pieces);
    let data: Vec<u8> = (0..50).collect();
    assert_eq!(out.bytes, PerDirection { c2s: data.clone(), s2c: data });
    assert_eq!(stream.info().server_name.as_deref(), Some(&b"server"[..]));
    // How much of what is missing was content cannot be known.
    assert_eq!((out.lost[0].records, out.lost[0].len, out.lost[0].exact), (Some(1), 0, false));
    assert_eq!(out.findings.iter().map(|f| f.0).collect::<Vec<_>>(), ["tls-records-lost"]);
}
