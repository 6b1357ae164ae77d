use wslens::ws::*; use wslens_fuzz::feed::Feed;
fn main(){
 let d=std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
 let mut feed=Feed::new(&d); let first=feed.byte();
 let small = InflateLimits { message: 100_000, ratio: 50, drain: 3 << 20 };
 let limits = if first&1==0 {InflateLimits::default()} else {small};
 let (mut a,mut b)=(Inflater::default(),Inflater::default());
 for _ in 0..32 { if feed.is_empty(){break;}
  let op=feed.byte(); match op%8 {5=>{a.forget();b.forget();println!("forget")},6=>{a.lose();b.lose();println!("lose")},_=>{}}
  let w=feed.piece(); let step=[1, 2, 3, 5, 16, 64, 300, 1000][usize::from(op >> 5)];
  let go=|i:&mut Inflater,step:usize|{let (mut s,mut o)=(vec![],vec![]); i.begin(); for p in w.chunks(step.max(1)){i.feed(p,&limits,&mut s,&mut |x|o.extend_from_slice(x));} let r=i.finish(&limits,&mut s,&mut |x|o.extend_from_slice(x)); (r,o.len())};
  println!("{:?} step {step} {:?} {:?}", w, go(&mut a,usize::MAX), go(&mut b,step));
 }
}
